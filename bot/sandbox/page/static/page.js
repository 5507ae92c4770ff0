// The page's frame: follows the workspace, puts changed fragments in place, sends what is typed.
"use strict";

const Page = (() => {
  const body = document.body;
  const byId = (id) => document.getElementById(id);
  const place = { user: body.dataset.user, channel: body.dataset.channel, thread: body.dataset.thread };
  let version = Number(body.dataset.version);
  let running = false;
  let again = null;
  let stream = null;
  let sayTimer = 0;

  const query = (more) => new URLSearchParams({ ...place, ...more }).toString();
  const address = () => {
    const shown = { as: place.user, channel: place.channel };
    return `/?${new URLSearchParams(place.thread ? { ...shown, thread: place.thread } : shown)}`;
  };

  // --- sentences --------------------------------------------------------------------------------

  function say(sentence, kind = "error") {
    const box = byId("said");
    box.hidden = !sentence;
    box.dataset.kind = kind;
    box.querySelector("span").textContent = sentence || "";
    // Good news goes away by itself; what went wrong stays until it is dismissed.
    clearTimeout(sayTimer);
    if (sentence && kind === "info") sayTimer = setTimeout(() => say(""), 6000);
  }
  byId("said").querySelector("button").addEventListener("click", () => say(""));

  // --- acting -----------------------------------------------------------------------------------

  // One act of the person; always resolves to {ok, message, errors, ...}. An error becomes a sentence.
  async function act(verb, what, { quiet = false } = {}) {
    let answer;
    try {
      const response = await fetch(`/page/${verb}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ user: place.user, channel: place.channel, ...what }),
      });
      answer = await response.json();
    } catch {
      answer = { ok: false, message: "The sandbox did not answer. Is it still running?" };
    }
    if (verb !== "options" && !(quiet && !answer.ok)) say(answer.message, answer.ok ? "info" : "error");
    if (verb !== "options") refresh();
    return answer;
  }

  // --- showing ----------------------------------------------------------------------------------

  // Puts new HTML into an element without losing what was typed there or where the focus was.
  function replace(element, html) {
    const active = element.contains(document.activeElement) ? document.activeElement : null;
    const control = active && active.closest(".control");
    const mark = control && [control.dataset.block, control.dataset.action];
    const tag = active && active.tagName;
    element.innerHTML = html;
    Dates.write(element);
    Values.restore(element);
    for (const bar of element.querySelectorAll(".attachment[data-colour]")) {
      if (bar.dataset.colour) bar.style.borderLeftColor = bar.dataset.colour;
    }
    if (!mark) return;
    for (const next of element.querySelectorAll(".control")) {
      if (next.dataset.block !== mark[0] || next.dataset.action !== mark[1]) continue;
      const field = next.querySelector(tag.toLowerCase());
      if (field) return field.focus({ preventScroll: true });
    }
    // The pressed button is gone: the focus stays at its message, not at the top of the page.
    const message = element.querySelector(".message");
    if (message) {
      message.tabIndex = -1;
      message.focus({ preventScroll: true });
    }
  }

  const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

  // A phone's keyboard or a turned screen changes the height: who read the end still reads the end.
  for (const list of [byId("messages"), byId("replies")]) {
    let end = true;
    list.addEventListener("scroll", () => { end = atEnd(list); }, { passive: true });
    new ResizeObserver(() => { if (end) list.scrollTop = list.scrollHeight; }).observe(list);
  }

  // Makes the list show exactly these items; false if the server left out HTML that is missing here.
  function apply(list, items) {
    const present = new Map([...list.querySelectorAll(":scope > .item")].map((e) => [e.dataset.key, e]));
    const lacking = items.some((item) => !item.html && (present.get(item.key) || { dataset: {} }).dataset.digest !== item.digest);
    if (lacking) return false;
    const follows = atEnd(list);
    let before = list.querySelector(":scope > .item");
    for (const item of items) {
      let element = present.get(item.key);
      if (!element) {
        element = document.createElement("div");
        element.className = "item";
        element.dataset.key = item.key;
      }
      present.delete(item.key);
      if (element !== before) list.insertBefore(element, before);
      else before = element.nextElementSibling;
      if (element.dataset.digest !== item.digest) {
        replace(element, item.html);
        element.dataset.digest = item.digest;
      }
    }
    for (const gone of present.values()) gone.remove();
    if (follows) list.scrollTop = list.scrollHeight;
    return true;
  }

  function show(state) {
    const ok = apply(byId("messages"), state.messages);
    byId("empty").hidden = state.messages.length > 0;
    byId("thread").hidden = !state.thread;
    byId("room").classList.toggle("has-thread", Boolean(state.thread));
    const threadOk = !state.thread || apply(byId("replies"), state.thread);
    Controls.show(state.view);
    byId("next").hidden = !state.hints.length;
    byId("hints").innerHTML = state.hints.map((hint) => `<li>${hint}</li>`).join("");
    return ok && threadOk;
  }

  // Fetches what changed since the shown version (or everything) and shows it; one fetch at a time.
  async function refresh(since = version) {
    if (running) {
      again = again === null ? since : Math.min(again, since);
      return;
    }
    running = true;
    try {
      const response = await fetch(`/page/state?${query({ since })}`);
      const state = await response.json();
      if (state.ok === false) say(state.message);
      else if (show(state)) version = state.version;
      else again = 0;
    } catch {
      byId("lost").hidden = false;
    } finally {
      running = false;
    }
    if (again !== null) {
      const next = again;
      again = null;
      refresh(next);
    }
  }

  function follow() {
    if (stream) stream.close();
    stream = new EventSource(`/page/stream?after=${version}`);
    stream.onopen = () => {
      byId("lost").hidden = true;
      refresh(0);
    };
    stream.onmessage = () => refresh();
    stream.onerror = () => {
      byId("lost").hidden = false;
      // A closed stream is not reopened by the browser when the server answered with an error.
      if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
    };
  }

  // --- moving about -----------------------------------------------------------------------------

  function openThread(ts) {
    place.thread = ts;
    history.replaceState(null, "", address());
    byId("replies").replaceChildren();
    if (!ts) {
      byId("thread").hidden = true;
      byId("room").classList.remove("has-thread");
    }
    return refresh(0);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-thread]:not(body)");
    if (link) openThread(link.dataset.thread).then(() => byId("thread-close").focus());
    const fire = event.target.closest("[data-fire]");
    if (fire) {
      fire.disabled = true;
      act("fire", { name: fire.dataset.fire }).then(() => { fire.disabled = false; });
    }
  });
  byId("thread-close").addEventListener("click", () => {
    const back = document.querySelector(`#messages [data-thread="${place.thread}"]`);
    openThread("");
    if (back) back.focus();
  });
  byId("thread").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.target.closest(".combo")) byId("thread-close").click();
  });
  byId("person").addEventListener("change", (event) => {
    place.user = event.target.value;
    location.assign(address());
  });
  byId("channel").addEventListener("change", (event) => {
    place.channel = event.target.value;
    place.thread = "";
    location.assign(address());
  });

  // --- the message line -------------------------------------------------------------------------

  const commands = JSON.parse(byId("commands").textContent);
  const completions = byId("completions");
  const line = byId("line");

  function closeCompletions() {
    completions.hidden = true;
    line.setAttribute("aria-expanded", "false");
    line.removeAttribute("aria-activedescendant");
  }

  function complete() {
    const typed = line.value;
    const fits = /^\/\S*$/.test(typed) ? commands.filter((one) => one.command.startsWith(typed)) : [];
    if (!fits.length) return closeCompletions();
    completions.replaceChildren(...fits.map((one, index) => {
      const option = document.createElement("div");
      option.id = `command-${index}`;
      option.setAttribute("role", "option");
      option.dataset.command = one.command;
      const name = document.createElement("strong");
      name.textContent = `${one.command} ${one.usage_hint || ""}`;
      const about = document.createElement("span");
      about.className = "quiet";
      about.textContent = one.description || "";
      option.append(name, about);
      return option;
    }));
    completions.hidden = false;
    return line.setAttribute("aria-expanded", "true");
  }

  function pickCommand(option) {
    line.value = `${option.dataset.command} `;
    closeCompletions();
    line.focus();
  }

  line.addEventListener("input", complete);
  line.addEventListener("blur", closeCompletions);
  line.addEventListener("keydown", (event) => {
    if (completions.hidden) return;
    if (event.key === "Tab" && completions.firstElementChild) {
      event.preventDefault();
      pickCommand(completions.querySelector("[aria-selected=true]") || completions.firstElementChild);
    } else if (Controls.listKeys(event, completions, pickCommand, closeCompletions)) {
      event.preventDefault();
    }
  });
  completions.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) pickCommand(option);
  });

  for (const form of document.querySelectorAll("form[data-line]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const input = form.querySelector("input");
      const text = input.value.trim();
      if (!text) return;
      const inThread = form.dataset.line === "thread";
      input.value = "";
      closeCompletions();
      const isCommand = text.startsWith("/") && !inThread;
      const list = byId(inThread ? "replies" : "messages");
      list.scrollTop = list.scrollHeight;
      const answer = isCommand
        ? await act("slash", { text })
        : await act("post", inThread ? { text, thread_ts: place.thread } : { text });
      if (!answer.ok && !input.value) input.value = text;
    });
  }

  // --- the beginning ----------------------------------------------------------------------------

  // Scripts run in order: the dialogs' script is there before the first fragment is shown.
  function begin() {
    for (const item of document.querySelectorAll(".item")) {
      Dates.write(item);
      Values.restore(item);
    }
    const messages = byId("messages");
    messages.scrollTop = messages.scrollHeight;
    Controls.show(JSON.parse(byId("state-view").textContent));
    follow();
  }

  return { act, replace, begin };
})();

window.addEventListener("DOMContentLoaded", Page.begin);
