// The bar of a scenario: follows what plays, and sends Play, Pause and Step. Without a scenario there is none.
"use strict";

const Tour = (() => {
  const bar = document.getElementById("tour");
  let digest = "";
  let running = false;
  let again = false;

  // Asks for the bar and puts in place what differs; one question at a time.
  async function refresh() {
    if (bar.hidden) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      const response = await fetch(`/page/panel/tour?have=${digest}`);
      const found = await response.json();
      if (found.html !== undefined) {
        const focused = bar.contains(document.activeElement);
        Morph.into(bar, found.html);
        digest = found.digest;
        // The buttons go when it is over: the focus goes to how it ended.
        if (focused && !bar.contains(document.activeElement)) bar.querySelector(".tour-words").focus();
      }
    } catch {
      // The stream says that the sandbox is gone, and the bar is asked for again when it is back.
    } finally {
      running = false;
    }
    if (again) {
      again = false;
      refresh();
    }
  }

  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tour]");
    if (button) Page.act(`panel/tour/${button.dataset.tour}`, {}).then(refresh);
  });

  // Beside an open dialog nothing can be pressed, so the bar stands in it meanwhile, on top of the window as before;
  // in its place is a gap, so that nothing moves.
  const gap = document.createElement("div");
  function beside(dialog) {
    if (bar.hidden || (dialog ? bar.parentElement === dialog : !gap.isConnected)) return;
    const focused = bar.contains(document.activeElement) && document.activeElement;
    if (!gap.isConnected) {
      const height = `${bar.getBoundingClientRect().height}px`;
      gap.style.height = height;
      if (dialog) dialog.style.setProperty("--over", height);
      bar.replaceWith(gap);
    }
    if (dialog) dialog.append(bar);
    else gap.replaceWith(bar);
    if (focused) focused.focus({ preventScroll: true });
  }

  const changed = (name) => { if (name === "tour") refresh(); };

  return { beside, changed, refresh };
})();
