// The choice of what is played: a dialog with every scenario, found by name or title; a press begins it.
"use strict";

const Playbill = (() => {
  const box = document.getElementById("playbill");
  const list = document.getElementById("playbill-list");
  const find = document.getElementById("playbill-find");
  const count = document.getElementById("playbill-count");

  const offered = () => [...list.querySelectorAll(".play")].filter((play) => play.checkVisibility());

  // What stays is what has every word in its name, its title or its group's heading.
  function narrow() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let [left, found] = [0, 0];
    for (const item of list.querySelectorAll("li")) {
      const group = item.closest(".play-group");
      const said = `${item.textContent} ${group ? group.getAttribute("aria-label") : ""}`.toLowerCase();
      item.hidden = !words.every((word) => said.includes(word));
      if (!item.hidden) found += 1;
      if (!item.hidden && item.querySelector(".play")) left += 1;
    }
    for (const group of list.querySelectorAll(".play-group")) group.hidden = !group.querySelector("li:not([hidden])");
    const nothing = "None has these words; fewer of them find more.";
    count.textContent = found ? `${left} to choose from` : nothing;
    list.scrollTop = 0;
  }

  async function open() {
    find.value = "";
    if (!box.open) box.showModal();
    try {
      const response = await fetch("/page/panel/playbill");
      Morph.into(list, (await response.json()).html);
    } catch {
      count.textContent = "The sandbox did not answer. Is it still running?";
      return;
    }
    narrow();
    find.focus();
  }

  // One press is enough: until the sandbox has answered there is nothing more to press. What happens here ends no world.
  let asked = false;
  async function begin(verb, what, here = false) {
    if (Page.isBeginning()) {
      if (box.open) box.close();
      return;
    }
    if (asked) return;
    asked = true;
    const answer = await Page.act(`panel/playbill/${verb}`, what, { silent: true });
    asked = false;
    if (box.open) box.close();
    if (answer.ok && here) Page.say(answer.message, "info");
    else if (answer.ok) Page.leave(answer.message);
    else Page.say(answer.message);
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-playbill]")) open();
    if (event.target.closest("[data-playbill-close]") || event.target === box) box.close();
    const play = event.target.closest("[data-play]");
    if (!play) return;
    if (play.dataset.play) begin("play", { scenario: play.dataset.play }, "here" in play.dataset);
    else begin("free", {});
  });

  if (box) {
    find.addEventListener("input", narrow);
    box.addEventListener("keydown", (event) => {
      const plays = offered();
      const at = plays.indexOf(document.activeElement);
      if (event.key === "ArrowDown" && at < plays.length - 1) plays[at + 1].focus();
      else if (event.key === "ArrowUp" && at > 0) plays[at - 1].focus();
      else if (event.key === "ArrowUp" && at === 0) find.focus();
      else if (event.key === "Enter" && event.target === find && find.value && plays.length) plays[0].click();
      else return;
      event.preventDefault();
    });
  }
})();
