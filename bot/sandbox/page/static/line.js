// The message lines: what is typed is sent as a message, or as a command of the app, which is completed.
"use strict";

const Line = (() => {
  const line = document.getElementById("line");
  const box = document.getElementById("completions");
  const { commands, shortcuts } = JSON.parse(document.getElementById("commands").textContent);
  const offered = [
    ...commands.map((one) => ({ word: one.command, usage: one.usage_hint, about: one.description })),
    ...shortcuts.filter((one) => one.type === "global").map((one) => ({ word: one.name, about: "shortcut", id: one.callback_id })),
  ];

  function close() {
    box.hidden = true;
    line.setAttribute("aria-expanded", "false");
    line.removeAttribute("aria-activedescendant");
  }

  function span(words, style) {
    const element = document.createElement(style ? "span" : "strong");
    if (style) element.className = style;
    element.textContent = words;
    return element;
  }

  function option(one, index) {
    const element = document.createElement("div");
    element.id = `command-${index}`;
    element.setAttribute("role", "option");
    if (one.id) element.dataset.shortcut = one.id;
    else element.dataset.command = one.word;
    element.append(span(one.word), span(one.usage || "", "usage"), span(one.about || "", "quiet"));
    return element;
  }

  // A slash offers commands and global shortcuts, as in Slack.
  const fits = (one, typed) => (one.id ? one.word.toLowerCase().includes(typed.slice(1).toLowerCase()) : one.word.startsWith(typed));

  function complete() {
    const typed = line.value;
    const found = /^\/\S*$/.test(typed) ? offered.filter((one) => fits(one, typed)) : [];
    if (!found.length) return close();
    box.replaceChildren(...found.map(option));
    box.hidden = false;
    return line.setAttribute("aria-expanded", "true");
  }

  function pick(chosen) {
    close();
    if (chosen.dataset.shortcut) {
      line.value = "";
      return Page.act("shortcut", { callback_id: chosen.dataset.shortcut });
    }
    line.value = `${chosen.dataset.command} `;
    return line.focus();
  }

  line.addEventListener("input", complete);
  line.addEventListener("blur", close);
  line.addEventListener("keydown", (event) => {
    if (box.hidden) return;
    if (event.key === "Tab" && box.firstElementChild) {
      event.preventDefault();
      pick(box.querySelector("[aria-selected=true]") || box.firstElementChild);
    } else if (Controls.listKeys(event, box, pick, close)) {
      event.preventDefault();
    }
  });
  box.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const chosen = event.target.closest("[role=option]");
    if (chosen) pick(chosen);
  });

  async function send(form) {
    const input = form.querySelector("input");
    const text = input.value.trim();
    if (!text) return;
    const inThread = form.dataset.line === "thread";
    input.value = "";
    close();
    Page.toEnd(document.getElementById(inThread ? "replies" : "messages"));
    const answer = text.startsWith("/") && !inThread
      ? await Page.act("slash", { text })
      : await Page.act("post", inThread ? { text, thread_ts: Page.place.thread } : { text });
    // What could not be sent is still there to be sent.
    if (!answer.ok && !input.value) input.value = text;
  }

  for (const form of document.querySelectorAll("form[data-line]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }

  return { close };
})();
