// Makes an element show new HTML by changing only the nodes that differ, so that nothing flickers, a tile
// keeps its identity while its colour changes, and what somebody types or has opened stays.
"use strict";

const Morph = (() => {
  // What a person did to an element and the server knows nothing of.
  const OWN = new Set(["open", "aria-disabled", "aria-busy", "aria-expanded", "aria-activedescendant", "style"]);
  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || "" : "");

  function attributes(old, fresh) {
    for (const { name, value } of fresh.attributes) {
      if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
  }

  function node(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    attributes(old, fresh);
    // A written date differs from what the server sent; it is written anew after the change. What a person searches
    // through was never sent with the rest.
    if (old.matches("time[data-pattern], .combo-list")) return;
    children(old, fresh);
  }

  const alike = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName;

  function children(old, fresh) {
    const keyed = new Map();
    for (const child of old.children) if (child.dataset.key) keyed.set(child.dataset.key, child);
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = keyOf(next);
      const same = key ? keyed.get(key) : at && !keyOf(at) && at;
      if (!same || !alike(same, next)) {
        old.insertBefore(next, at);
        continue;
      }
      keyed.delete(key);
      if (same === at) at = at.nextSibling;
      else old.insertBefore(same, at);
      node(same, next);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  // The whole content of `element` becomes `html`.
  function into(element, html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    children(element, fresh.content);
    Dates.write(element);
  }

  return { into };
})();
