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
  let arriving = false;
  let wantsOlder = false;
  const lost = byId("lost");
  const lostWords = lost.textContent;
  let leaving = false;
  let failures = 0;
  const HOME = "home";

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

  // --- another world ----------------------------------------------------------------------------

  // Meanwhile what is offered in the bar of the one that ends is hidden: its buttons would do nothing.
  function isLeaving(now) {
    leaving = now;
    body.classList.toggle("leaving", now);
  }

  // A choice while the one before begins: it isn't taken, and that is said where it stands what begins.
  function isBeginning() {
    const later = "Choose again when it runs.";
    if (leaving && !lost.textContent.endsWith(later)) lost.textContent += ` ${later}`;
    return leaving;
  }

  // This world ends because somebody chose another: said, and no failure. What is on is shown when it answers.
  function leave(sentence) {
    isLeaving(true);
    say("");
    lost.textContent = sentence;
    lost.hidden = false;
  }

  // Another world answers here than the one that is shown, so nothing of this page is true any more.
  function isAnother(world) {
    if (!world || world === body.dataset.world) return false;
    location.replace(leaving ? "/" : `/?${new URLSearchParams({ as: place.user })}`);
    return true;
  }

  function isLost() {
    failures += 1;
    // Between two worlds a connection or two breaks; a sandbox that is gone refuses each.
    if (failures > 2 || !leaving) {
      isLeaving(false);
      lost.textContent = lostWords;
    }
    lost.hidden = false;
  }

  // --- acting -----------------------------------------------------------------------------------

  // One act of the person; always resolves to {ok, message, errors, ...}. An error becomes a sentence.
  async function act(verb, what, { quiet = false, silent = false } = {}) {
    let answer;
    try {
      const response = await fetch(`/page/${verb}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ world: body.dataset.world, user: place.user, channel: place.channel, ...what }),
      });
      answer = await response.json();
    } catch {
      answer = { ok: false, message: "The sandbox did not answer. Is it still running?" };
    }
    const told = verb !== "options" && !silent && !leaving && !(quiet && !answer.ok);
    if (told) say(answer.message, answer.ok ? "info" : "error");
    if (verb !== "options") refresh();
    return answer;
  }

  // A press while the one before is under way is none. The button keeps the focus, which a disabled one would lose.
  async function once(button, perform) {
    if (button.getAttribute("aria-busy")) return undefined;
    const states = ["aria-busy", "aria-disabled"];
    for (const state of states) button.setAttribute(state, "true");
    try {
      return await perform();
    } finally {
      for (const state of states) button.removeAttribute(state);
    }
  }

  // --- showing ----------------------------------------------------------------------------------

  // Puts new HTML into an element without losing what was typed there or where the focus was. A message is changed
  // gently: a button that stays is the same one, so that a press which has begun while the app edits is no lost one.
  function replace(element, html, { gently = false } = {}) {
    const active = element.contains(document.activeElement) ? document.activeElement : null;
    const control = active && active.closest(".control");
    const mark = control && [control.dataset.block, control.dataset.action];
    const tag = active && active.tagName;
    const searched = control && control.dataset.kind === "combo" ? active.value : "";
    if (gently) {
      Morph.into(element, html);
    } else {
      element.innerHTML = html;
      Dates.write(element);
    }
    Values.restore(element);
    for (const bar of element.querySelectorAll(".attachment[data-colour]")) {
      if (bar.dataset.colour) bar.style.borderLeftColor = bar.dataset.colour;
    }
    if (!active || document.activeElement === active) return;
    if (active.isConnected) {
      active.focus({ preventScroll: true });
      return;
    }
    if (!mark) return;
    const controls = [...element.querySelectorAll(".control")].filter((next) => next.dataset.action === mark[1]);
    // An app may rename a block so that a choice in it is forgotten; what is typed there is the person's still.
    const next = controls.find((one) => one.dataset.block === mark[0]) || (controls.length === 1 && controls[0]);
    const field = next && next.querySelector(tag.toLowerCase());
    if (field) {
      field.focus({ preventScroll: true });
      if (!searched) return;
      field.value = searched;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      return;
    }
    // The pressed button is gone: the focus stays at its message, not at the top of the page.
    const message = element.querySelector(".message");
    if (message) {
      message.tabIndex = -1;
      message.focus({ preventScroll: true });
    }
  }

  const atEnd = (list) => list.scrollHeight - list.scrollTop - list.clientHeight < 80;

  // Goes to the list's end. What was far from the screen has a guessed height until it is drawn, so the end may
  // move once or twice on the way there.
  function toEnd(list, tries = 8) {
    list.scrollTop = list.scrollHeight;
    if (!tries) return;
    requestAnimationFrame(() => {
      if (list.scrollHeight - list.scrollTop - list.clientHeight > 1) toEnd(list, tries - 1);
      else if (tries > 2) toEnd(list, 2);
    });
  }

  // A phone's keyboard or a turned screen changes the height: who read the end still reads the end.
  for (const list of [byId("messages"), byId("replies")]) {
    let end = true;
    list.addEventListener("scroll", () => { end = atEnd(list); }, { passive: true });
    new ResizeObserver(() => { if (end) toEnd(list); }).observe(list);
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
        // A new message is read out; a card that is edited every few seconds is not, or nothing else would be heard.
        if (element.dataset.digest) element.setAttribute("aria-live", "off");
        replace(element, item.html, { gently: true });
        element.dataset.digest = item.digest;
      }
    }
    for (const gone of present.values()) gone.remove();
    if (follows) toEnd(list);
    return true;
  }

  // The frame around the messages: the column, the channel's name, who may write, why there is nothing.
  function frame(state) {
    const { head, sidebar, unseen } = state;
    const rooms = byId("rooms");
    if (rooms.dataset.digest !== sidebar.digest) {
      Morph.into(rooms, sidebar.html);
      rooms.dataset.digest = sidebar.digest;
    }
    byId("room-name").textContent = head.name;
    byId("room-topic").textContent = head.topic;
    const loud = rooms.querySelectorAll(".badge").length;
    document.title = `${loud ? "• " : ""}${head.name} · Fettle sandbox`;
    const atHome = state.channel === HOME;
    byId("line-closed").hidden = !head.closed || Boolean(unseen);
    byId("line-closed").textContent = head.closed;
    byId("line").form.hidden = atHome || Boolean(head.closed);
    byId("line").placeholder = head.placeholder;
    byId("messages").hidden = Boolean(state.home);
    byId("empty").hidden = state.messages.length > 0;
    byId("empty-words").textContent = unseen || "Nothing here yet.";
    byId("empty-hint").hidden = Boolean(unseen || head.closed);
    const invite = byId("empty-invite");
    invite.hidden = !unseen || atHome;
    invite.firstElementChild.textContent = `Invite ${acting()} here`;
  }

  function showHome(fragment) {
    const home = byId("home");
    home.hidden = !fragment;
    if (!fragment || home.dataset.digest === fragment.digest) return;
    replace(home, fragment.html);
    home.dataset.digest = fragment.digest;
  }

  const acting = () => byId("person").selectedOptions[0].textContent.split(" · ")[0];

  function show(state) {
    const elsewhere = state.channel !== place.channel;
    const lostThread = place.thread && (elsewhere || !state.thread);
    if (elsewhere || lostThread) {
      // Another person's direct message is one's own: the server says which that is.
      place.channel = state.channel;
      place.thread = "";
      arriving = elsewhere || arriving;
      history.replaceState({ ...place }, "", address());
    }
    if (lostThread) say(`${acting()} can't see the thread that was open, so it is closed.`, "info");
    frame(state);
    showHome(state.home);
    const ok = apply(byId("messages"), state.messages);
    byId("thread").hidden = !place.thread;
    byId("room").classList.toggle("has-thread", Boolean(place.thread));
    const threadOk = !place.thread || apply(byId("replies"), state.thread);
    if (arriving) {
      arriving = false;
      toEnd(byId("messages"));
    }
    Controls.show(state.view);
    byId("next").hidden = !state.hints.length;
    byId("hints").innerHTML = state.hints.map((hint) => `<li>${hint}</li>`).join("");
    return ok && threadOk;
  }

  // The newest messages are there at once, the older ones come bit by bit, so that nobody waits for them.
  const oldest = () => (byId("messages").querySelector(":scope > .item") || { dataset: {} }).dataset.key || "";
  function arrived(state) {
    version = state.version;
    if (!state.more) return;
    wantsOlder = true;
    setTimeout(refresh, 30);
  }

  // Fetches what changed since the shown version (or everything) and shows it; one fetch at a time.
  async function refresh(since = version) {
    if (running) {
      again = again === null ? since : Math.min(again, since);
      return;
    }
    running = true;
    const asked = query();
    const older = wantsOlder;
    wantsOlder = false;
    try {
      const seen = document.hidden ? 0 : 1;
      const response = await fetch(`/page/state?${query({ since, seen, oldest: oldest(), older: Number(older) })}`);
      const state = await response.json();
      if (isAnother(state.world)) return;
      // An answer to a question from before the person moved on is no answer.
      if (asked !== query()) again = 0;
      else if (state.ok === false) say(state.message);
      else if (show(state)) arrived(state);
      else again = 0;
    } catch {
      lost.hidden = false;
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
    stream.addEventListener("world", (event) => {
      if (isAnother(event.data)) return;
      failures = 0;
      isLeaving(false);
      lost.hidden = true;
      refresh();
      Panels.refresh();
      Tour.refresh();
    });
    stream.addEventListener("leaving", (event) => leave(event.data));
    stream.onmessage = () => refresh();
    stream.addEventListener("panel", (event) => {
      Panels.changed(event.data);
      Tour.changed(event.data);
    });
    stream.onerror = () => {
      isLost();
      // A closed stream is not reopened by the browser when the server answered with an error.
      if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
    };
  }

  // --- moving about -----------------------------------------------------------------------------

  function openThread(ts) {
    place.thread = ts;
    history.replaceState({ ...place }, "", address());
    byId("replies").replaceChildren();
    if (!ts) {
      byId("thread").hidden = true;
      byId("room").classList.remove("has-thread");
    }
    return refresh(0);
  }

  // Another channel: the frame stays, what is in it comes anew. Another person goes on reading where this one did.
  function go(where, { remember = true } = {}) {
    const moves = "channel" in where;
    Object.assign(place, moves ? { thread: "" } : {}, where);
    if (remember) history.pushState({ ...place }, "", address());
    for (const list of moves ? [byId("messages"), byId("replies")] : []) {
      for (const item of list.querySelectorAll(":scope > .item")) item.remove();
    }
    byId("person").value = place.user;
    showRooms(false);
    say("");
    arriving = moves;
    if (place.channel === HOME) act("home", {}, { quiet: true });
    return refresh(0);
  }

  function showRooms(shown) {
    byId("room").classList.toggle("rooms-asked", shown);
    byId("rooms-open").setAttribute("aria-expanded", String(shown));
  }
  const roomsShown = () => byId("room").classList.contains("rooms-asked");
  byId("rooms-open").addEventListener("click", () => showRooms(!roomsShown()));
  // On a phone the column lies over the messages: a press beside it, or Escape, puts it away.
  document.addEventListener("click", (event) => {
    if (roomsShown() && !event.target.closest("#rooms, #rooms-open")) showRooms(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !roomsShown()) return;
    showRooms(false);
    byId("rooms-open").focus();
  });

  // A link to a message of this workspace leads there within the page.
  function linkedMessage(link) {
    const found = link && new URL(link.href);
    const parts = found && found.origin === location.origin && found.pathname.match(/^\/archives\/(\w+)\/p(\d+)(\d{6})$/);
    return parts && { channel: parts[1], thread: found.searchParams.get("thread_ts") || `${parts[2]}.${parts[3]}` };
  }

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    const room = event.target.closest("[data-room]");
    const linked = linkedMessage(event.target.closest("a[href]"));
    if (room || linked) {
      event.preventDefault();
      go(linked || { channel: room.dataset.room });
      return;
    }
    const thread = event.target.closest("[data-thread]:not(body)");
    if (thread) openThread(thread.dataset.thread).then(() => byId("thread-close").focus());
    const fire = event.target.closest("[data-fire]");
    if (fire) {
      once(fire, () => act("fire", { name: fire.dataset.fire }));
    }
    if (event.target.closest("[data-invite]")) act("invite", {});
  });
  byId("thread-close").addEventListener("click", () => {
    const back = document.querySelector(`#messages [data-thread="${place.thread}"]`);
    openThread("");
    if (back) back.focus();
  });
  byId("thread").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.target.closest(".combo")) byId("thread-close").click();
  });
  byId("person").addEventListener("change", (event) => go({ user: event.target.value }));
  window.addEventListener("popstate", (event) => {
    if (event.state) go(event.state, { remember: false });
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

  // --- the beginning ----------------------------------------------------------------------------

  // Scripts run in order: the dialogs' script is there before the first fragment is shown.
  function begin() {
    for (const item of document.querySelectorAll(".item, #home, #panel")) {
      Dates.write(item);
      Values.restore(item);
    }
    toEnd(byId("messages"));
    Controls.show(JSON.parse(byId("state-view").textContent));
    history.replaceState({ ...place }, "", location.href);
    if (place.channel === HOME) act("home", {}, { quiet: true });
    say(body.dataset.told || "");
    follow();
  }

  return { act, isBeginning, leave, once, say, replace, begin, openThread, toEnd, place };
})();

window.addEventListener("DOMContentLoaded", Page.begin);
