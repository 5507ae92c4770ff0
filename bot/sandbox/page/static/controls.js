// What a person presses and fills in: buttons, selects, search fields, confirm dialogs, modals.
// The server is asked through `Page.act`; this file knows the shape of the markup, not the wire.
"use strict";

const Controls = (() => {
  const confirmBox = document.getElementById("confirm");
  const viewBox = document.getElementById("view");
  const surfaceOf = (element) => element.closest("[data-view], [data-ts]");
  let searchTimer = 0;

  // Which message or view a control stands in, as the server wants it named.
  function whereabouts(control) {
    const { view, ts } = surfaceOf(control).dataset;
    const where = { block_id: control.dataset.block, action_id: control.dataset.action };
    return view ? { ...where, view_id: view, values: Values.readAll(surfaceOf(control)) } : { ...where, ts };
  }

  // Opens a dialog that asks first; true if the person agreed or nothing was to be asked.
  function confirmed(control) {
    const asked = control.querySelector("template.confirm");
    if (!asked) return Promise.resolve(true);
    const yes = document.getElementById("confirm-yes");
    document.getElementById("confirm-title").textContent = asked.dataset.title;
    document.getElementById("confirm-words").replaceChildren(asked.content.cloneNode(true));
    Dates.write(confirmBox);
    yes.textContent = asked.dataset.yes;
    yes.className = `btn btn-${asked.dataset.style || "primary"}`;
    document.getElementById("confirm-no").textContent = asked.dataset.no;
    confirmBox.returnValue = "no";
    confirmBox.showModal();
    return new Promise((resolve) => {
      confirmBox.addEventListener("close", () => resolve(confirmBox.returnValue === "yes"), { once: true });
    });
  }

  async function press(control, button) {
    if (!(await confirmed(control))) return;
    await Page.once(button, () => Page.act("press", whereabouts(control)));
  }

  // Tells the app of a choice; a choice that was not confirmed goes back to what it was.
  async function choose(control, value) {
    if (!control.dataset.dispatch) return Values.keep(control);
    if (!(await confirmed(control))) return Values.restore(control.parentElement);
    Values.keep(control);
    return Page.act("choose", { ...whereabouts(control), value });
  }

  document.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    const control = event.target.closest(".control");
    if (chip) {
      const field = control.querySelector("input");
      chip.remove();
      choose(control, Values.read(control));
      return field.focus();
    }
    const vote = event.target.closest("[data-vote]");
    if (vote) return Page.once(vote, () => choose(control, vote.dataset.vote));
    const button = event.target.closest(".control-button .btn");
    if (button) return press(control, button);
    const option = event.target.closest(".overflow-list button");
    if (!option) return undefined;
    option.closest("details").open = false;
    if (/^https?:/.test(option.dataset.url || "")) window.open(option.dataset.url, "_blank", "noopener");
    return choose(control, option.value);
  });

  document.addEventListener("change", (event) => {
    const control = event.target.closest(".control");
    if (!control || control.dataset.kind === "combo") return;
    const value = Values.read(control);
    if (control.dataset.kind === "select" && value === null) return Values.keep(control);
    choose(control, value);
  });

  // --- search fields (external selects) ---------------------------------------------------------

  const listOf = (input) => input.closest(".combo").querySelector(".combo-list");

  function showList(input, shown) {
    Layers.show(listOf(input), input, shown);
    input.setAttribute("aria-expanded", String(shown));
    if (!shown) input.removeAttribute("aria-activedescendant");
  }

  function optionButton(option, id) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", id, tabIndex: -1, textContent: option.label });
    button.setAttribute("role", "option");
    button.dataset.value = option.value;
    return button;
  }

  function nothing(sentence) {
    const words = document.createElement("span");
    Object.assign(words, { className: "combo-none", textContent: sentence });
    words.setAttribute("role", "option");
    words.setAttribute("aria-disabled", "true");
    return words;
  }

  async function search(input) {
    const box = input.closest(".combo");
    const query = input.value.trim();
    if (query.length < Number(box.dataset.min)) return showList(input, false);
    const control = input.closest(".control");
    const answer = await Page.act("options", { ...whereabouts(control), query });
    if (input.value.trim() !== query || !document.contains(input)) return undefined;
    const options = answer.options || [];
    const list = listOf(input);
    list.replaceChildren(...options.map((option, index) => optionButton(option, `${list.id}-${index}`)));
    if (!options.length) list.append(nothing(answer.message || "Nothing found."));
    return showList(input, true);
  }

  function pick(input, option) {
    const box = input.closest(".combo");
    const chosen = box.querySelector(".combo-chosen");
    const chip = Values.chip(option.dataset.value, option.textContent);
    if (box.dataset.many) chosen.append(chip);
    else chosen.replaceChildren(chip);
    input.value = "";
    showList(input, false);
    const control = input.closest(".control");
    choose(control, Values.read(control));
  }

  // Arrow keys move through a list of options under a text field; Enter picks, Escape closes.
  function listKeys(event, list, onPick, onClose) {
    const options = [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") return onClose(), true;
    if (event.key === "Enter" && at >= 0) return onPick(options[at]), true;
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return false;
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = options[(at + step + options.length) % options.length];
    for (const option of options) option.setAttribute("aria-selected", String(option === next));
    if (next) {
      event.target.setAttribute("aria-activedescendant", next.id);
      next.scrollIntoView({ block: "nearest" });
    }
    return true;
  }

  document.addEventListener("input", (event) => {
    const control = event.target.closest(".control");
    if (!control) return;
    if (control.dataset.kind !== "combo") return Values.keep(control);
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => search(event.target), 150);
  });

  document.addEventListener("focusin", (event) => {
    const combo = event.target.closest(".combo");
    if (combo && event.target.matches("input") && combo.dataset.min === "0") search(event.target);
  });

  document.addEventListener("focusout", (event) => {
    const combo = event.target.closest(".combo");
    const still = combo && combo.contains(event.relatedTarget);
    if (combo && event.target.matches("input") && !still) showList(event.target, false);
  });

  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest(".combo-list [role=option]:not([aria-disabled])");
    if (!option) return;
    event.preventDefault();
    pick(option.closest(".combo").querySelector("input"), option);
  });

  document.addEventListener("keydown", (event) => {
    const input = event.target;
    const control = input.closest && input.closest(".control");
    if (!control) return;
    if (control.dataset.kind === "combo" && input.matches("input")) {
      const list = listOf(input);
      const used = Layers.isOpen(list) && listKeys(event, list, (o) => pick(input, o), () => showList(input, false));
      if (used || event.key === "Enter") event.preventDefault();
    } else if (event.key === "Enter" && control.dataset.dispatch && input.matches("input[type=text]")) {
      event.preventDefault();
      choose(control, Values.read(control));
    }
  });

  // --- modals -----------------------------------------------------------------------------------

  const form = () => viewBox.querySelector("form.view");

  function focusFirst() {
    const field = viewBox.querySelector(".dialog-body input, .dialog-body select, .dialog-body textarea");
    (field || viewBox.querySelector("[data-close]")).focus();
  }

  // Shows the fragment of a view, replaces it when it changed, closes the dialog when there is none.
  function show(fragment) {
    const current = form();
    if (!fragment) {
      if (current) Values.forget(current.dataset.view);
      Tour.beside(null);
      viewBox.replaceChildren();
      if (viewBox.open) viewBox.close();
      return;
    }
    if (viewBox.dataset.digest === fragment.digest && current) return;
    const same = current && current.dataset.view === fragment.key;
    viewBox.dataset.digest = fragment.digest;
    Tour.beside(null);
    Page.replace(viewBox, fragment.html);
    viewBox.setAttribute("aria-label", viewBox.querySelector("h2").textContent);
    Tour.beside(viewBox);
    if (!viewBox.open) viewBox.showModal();
    // An app may put the fields in a moment later: the focus never stays behind in what is gone.
    if (!same || !viewBox.contains(document.activeElement)) focusFirst();
  }

  function showErrors(answer) {
    for (const slot of viewBox.querySelectorAll(".b-error")) slot.hidden = true;
    for (const field of viewBox.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    let first = null;
    for (const block of viewBox.querySelectorAll("[data-input-block]")) {
      const sentence = (answer.errors || {})[block.dataset.inputBlock];
      if (!sentence) continue;
      const slot = block.querySelector(".b-error");
      slot.textContent = sentence;
      slot.hidden = false;
      const field = block.querySelector("input, select, textarea");
      if (field) field.setAttribute("aria-invalid", "true");
      first ||= field || slot;
    }
    const general = viewBox.querySelector(".view-error");
    general.textContent = answer.message || "";
    general.hidden = !answer.message;
    if (first) first.focus();
  }

  async function close() {
    const view = form();
    if (view) await Page.act("close", { view_id: view.dataset.view });
  }

  viewBox.addEventListener("submit", async (event) => {
    event.preventDefault();
    const view = event.target;
    const told = { view_id: view.dataset.view, values: Values.readAll(view) };
    const answer = await Page.once(view.querySelector("[type=submit]"), () => Page.act("submit", told, { quiet: true }));
    if (!answer) return;
    if (answer.ok) Values.forget(view.dataset.view);
    else if (document.contains(view)) showErrors(answer);
  });
  viewBox.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  viewBox.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
  });

  return { show, listKeys, close };
})();
