// Lists that open over the page: where they stand, and how they close. They are popovers, because a message far from the
// screen is not drawn, and what is drawn of one is cut off at its edge.
"use strict";

const Layers = (() => {
  const GAP = 4, EDGE = 8;

  // Under its anchor, or above it where there is more room; never beyond an edge of the screen. Nothing else moves.
  function place(list, anchor) {
    const box = anchor.getBoundingClientRect();
    const below = window.innerHeight - box.bottom;
    const upwards = below < 200 && box.top > below;
    list.style.minWidth = `${Math.min(Math.max(box.width, 200), 340)}px`;
    list.style.maxHeight = `${Math.max(80, Math.min(240, (upwards ? box.top : below) - 12))}px`;
    const { width } = list.getBoundingClientRect();
    list.style.left = `${Math.max(EDGE, Math.min(box.left, window.innerWidth - width - EDGE))}px`;
    list.style.top = upwards ? "auto" : `${box.bottom + GAP}px`;
    list.style.bottom = upwards ? `${window.innerHeight - box.top + GAP}px` : "auto";
  }

  const isOpen = (list) => list.matches(":popover-open");

  function show(list, anchor, shown) {
    if (shown && !isOpen(list)) list.showPopover();
    if (!shown && isOpen(list)) list.hidePopover();
    if (shown) place(list, anchor);
  }

  // --- menus behind a button --------------------------------------------------------------------

  const MENUS = "details.overflow, details.next";
  const listOf = (menu) => menu.querySelector(".overflow-list");

  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (menu.matches("details.overflow")) show(listOf(menu), menu.firstElementChild, menu.open);
  }, { capture: true });

  function close(except) {
    for (const menu of document.querySelectorAll(MENUS)) if (menu.open && menu !== except) menu.open = false;
  }
  document.addEventListener("click", (event) => close(event.target.closest("details")));

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest && event.target.closest(MENUS);
    if (!menu || !menu.open) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      menu.open = false;
      menu.firstElementChild.focus();
    } else if (step && listOf(menu)) {
      const options = [...listOf(menu).children];
      const at = options.indexOf(document.activeElement);
      options[at < 0 && step < 0 ? options.length - 1 : (at + step + options.length) % options.length].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  // --- what moves below them --------------------------------------------------------------------

  // An open list would stay where it was while the page scrolls, turns, or makes room for a phone's keyboard.
  function follow(event) {
    for (const list of document.querySelectorAll(".overflow-list:popover-open")) {
      if (event.target !== list) place(list, list.closest("details").firstElementChild);
    }
    for (const list of document.querySelectorAll(".combo-list:popover-open")) {
      if (event.target !== list) place(list, list.closest(".combo").querySelector("input"));
    }
  }
  document.addEventListener("scroll", follow, { capture: true, passive: true });
  window.addEventListener("resize", follow);

  return { show, isOpen };
})();
