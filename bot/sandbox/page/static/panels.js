// What stands beside Slack: one panel is shown, and follows; its forms and buttons are acts of the person.
"use strict";

const Panels = (() => {
  const side = document.getElementById("side");
  const panel = document.getElementById("panel");
  const room = document.getElementById("room");
  const opener = document.getElementById("side-open");
  let digest = "";
  let running = false;
  let again = false;

  const isShown = () => Boolean(side) && side.checkVisibility();

  // Asks for the shown panel and puts in place what differs; one question at a time.
  async function refresh() {
    if (!isShown()) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    const { name } = panel.dataset;
    try {
      const response = await fetch(`/page/panel/${name}?have=${digest}`);
      const found = await response.json();
      if (found.html !== undefined && panel.dataset.name === name) {
        Morph.into(panel, found.html);
        digest = found.digest;
      }
    } catch {
      // The stream says that the sandbox is gone, and the panel is asked for again when it is back.
    } finally {
      running = false;
    }
    if (again) {
      again = false;
      refresh();
    }
  }

  function choose(name) {
    panel.dataset.name = name;
    digest = "";
    for (const tab of side.querySelectorAll(".tab")) {
      const chosen = tab.dataset.panel === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen) panel.setAttribute("aria-labelledby", tab.id);
    }
    panel.scrollTop = 0;
    return refresh();
  }

  function show(shown) {
    room.classList.toggle("has-side", shown);
    room.classList.toggle("side-asked", shown);
    opener.setAttribute("aria-expanded", String(shown));
    if (shown) refresh();
    else opener.focus();
  }

  function fieldsOf(form, button) {
    const fields = Object.fromEntries(new FormData(form));
    if (button && button.name) fields[button.name] = button.value;
    return fields;
  }

  async function act(what, fields, button) {
    await Page.once(button, () => Page.act(`panel/${panel.dataset.name}/${what}`, fields));
    refresh();
  }

  if (side) {
    // On a small screen it is put away without a press.
    const tell = () => opener.setAttribute("aria-expanded", String(isShown()));
    new ResizeObserver(tell).observe(room);
    tell();
    opener.addEventListener("click", () => show(!isShown()));
    document.getElementById("side-close").addEventListener("click", () => show(false));
    side.addEventListener("click", (event) => {
      const tab = event.target.closest(".tab");
      if (tab) choose(tab.dataset.panel);
      const button = event.target.closest("button[data-act]");
      if (!button) return;
      const fields = "form" in button.dataset ? fieldsOf(button.form) : { ...button.dataset };
      act(button.dataset.act, fields, button);
    });
    side.addEventListener("keydown", (event) => {
      const tab = event.target.closest(".tab");
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!tab || !step) return;
      const tabs = [...side.querySelectorAll(".tab")];
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      choose(next.dataset.panel);
      next.focus();
    });
    side.addEventListener("submit", (event) => {
      event.preventDefault();
      act(event.target.dataset.act, fieldsOf(event.target, event.submitter), event.submitter);
    });
  }

  // The stream's word that a panel changed.
  const changed = (name) => { if (panel && panel.dataset.name === name) refresh(); };

  return { changed, refresh };
})();
