// Reads and restores what a person typed or chose: a string, a list of strings, epoch seconds, or null
// when empty, for each control.
"use strict";

const Values = (() => {
  const kept = new Map();

  const place = (control) => {
    const surface = control.closest("[data-view], [data-ts]");
    const key = surface ? surface.dataset.view || surface.dataset.ts : "";
    return [key, control.dataset.block, control.dataset.action].join("\n");
  };
  const inputs = (control) => control.querySelector("select, textarea, .combo input, input");

  // The control's value: null when empty, undefined for one that has none (a button).
  function read(control) {
    switch (control.dataset.kind) {
      case "select":
      case "field":
        return inputs(control).value || null;
      case "datetime": {
        const value = inputs(control).value;
        return value ? Math.floor(new Date(value).valueOf() / 1000) : null;
      }
      case "radios": {
        const checked = control.querySelector("input:checked");
        return checked ? checked.value : null;
      }
      case "checks":
        return [...control.querySelectorAll("input:checked")].map((input) => input.value);
      case "combo": {
        const chosen = [...control.querySelectorAll(".chip")].map((chip) => chip.dataset.value);
        return control.querySelector(".combo").dataset.many ? chosen : chosen[0] || null;
      }
      default:
        return undefined;
    }
  }

  // The values of a view's inputs by block and action; other controls are told as they change.
  function readAll(root) {
    const values = {};
    for (const control of root.querySelectorAll("[data-input-block] .control:not([data-dispatch])")) {
      const value = read(control);
      if (value === undefined) continue;
      (values[control.dataset.block] ||= {})[control.dataset.action] = value;
    }
    return values;
  }

  function chip(value, label) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.dataset.value = value;
    button.setAttribute("aria-label", `Remove ${label}`);
    button.textContent = `${label} ×`;
    return button;
  }

  // Notes what a control holds, so that an edit of the message or view does not lose it.
  function keep(control) {
    const chips = [...control.querySelectorAll(".chip")];
    const labels = chips.map((one) => [one.dataset.value, one.textContent.replace(/ ×$/, "")]);
    kept.set(place(control), { value: read(control), labels });
  }

  function restore(root) {
    for (const control of root.querySelectorAll(".control")) {
      const field = inputs(control);
      if (control.dataset.kind === "datetime" && field.dataset.epoch) {
        const moment = new Date(Number(field.dataset.epoch) * 1000);
        moment.setMinutes(moment.getMinutes() - moment.getTimezoneOffset());
        field.value = moment.toISOString().slice(0, 16);
      }
      const note = kept.get(place(control));
      if (!note) continue;
      const { value } = note;
      if (control.dataset.kind === "combo") {
        control.querySelector(".combo-chosen").replaceChildren(...note.labels.map(([v, l]) => chip(v, l)));
      } else if (Array.isArray(value)) {
        for (const input of control.querySelectorAll("input")) input.checked = value.includes(input.value);
      } else if (control.dataset.kind === "radios") {
        for (const input of control.querySelectorAll("input")) input.checked = value === input.value;
      } else if (field && control.dataset.kind !== "datetime") {
        field.value = value;
      }
    }
  }

  // Forgets a view's or message's notes, once it is submitted or closed.
  function forget(key) {
    for (const name of [...kept.keys()]) if (name.startsWith(`${key}\n`)) kept.delete(name);
  }

  return { read, readAll, keep, restore, forget, chip };
})();
