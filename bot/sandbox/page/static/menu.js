// The menu of a message (reactions, thread, the app's message shortcuts, its link), and reactions below messages.
"use strict";

const Menu = (() => {
  const box = document.getElementById("menu");
  let message = null;
  let opener = null;

  function close({ refocus = false } = {}) {
    if (box.hidden) return;
    box.hidden = true;
    if (opener) {
      opener.setAttribute("aria-expanded", "false");
      if (refocus) opener.focus();
    }
    opener = null;
  }

  function open(button) {
    close();
    opener = button;
    message = button.closest("[data-ts]").dataset.ts;
    box.hidden = false;
    button.setAttribute("aria-expanded", "true");
    const at = button.getBoundingClientRect();
    const { width, height } = box.getBoundingClientRect();
    const below = at.bottom + 4 + height < window.innerHeight;
    box.style.left = `${Math.max(8, Math.min(at.right - width, window.innerWidth - width - 8))}px`;
    box.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
    box.querySelector("button").focus();
  }

  const react = (ts, name) => Page.act("react", { ts, name });

  async function chosen(item) {
    const ts = message;
    close({ refocus: true });
    if (item.dataset.react) return react(ts, item.dataset.react);
    if (item.dataset.shortcut) return Page.act("shortcut", { callback_id: item.dataset.shortcut, ts });
    if ("menuThread" in item.dataset) return Page.openThread(ts);
    const link = `${location.origin}/archives/${Page.place.channel}/p${ts.replace(".", "")}`;
    try {
      await navigator.clipboard.writeText(link);
      return Page.say("Copied the message's link.", "info");
    } catch {
      return Page.say(`The browser lets nothing be copied. The link is ${link}`, "info");
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) return button === opener ? close() : open(button);
    const item = event.target.closest("#menu [role=menuitem]");
    if (item) return chosen(item);
    close();
    const reaction = event.target.closest(".reaction");
    return reaction && react(reaction.closest("[data-ts]").dataset.ts, reaction.dataset.react);
  });

  box.addEventListener("keydown", (event) => {
    const items = [...box.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(document.activeElement);
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    if (event.key === "Escape" || event.key === "Tab") close({ refocus: true });
    else if (event.key in steps) items[(at + steps[event.key] + items.length) % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("scroll", (event) => { if (event.target !== box) close(); }, { capture: true, passive: true });
  window.addEventListener("resize", () => close());

  return { close };
})();
