// Writes every <time data-pattern> in the reader's zone and language, as Slack's clients do.
"use strict";

const Dates = (() => {
  const DAY = 86400000;
  const format = (options) => new Intl.DateTimeFormat(undefined, options);
  const formats = {
    "{date_num}": null,
    "{date}": format({ month: "long", day: "numeric", year: "numeric" }),
    "{date_short}": format({ month: "short", day: "numeric", year: "numeric" }),
    "{date_long}": format({ weekday: "long", month: "long", day: "numeric", year: "numeric" }),
    "{time}": format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    "{time_secs}": format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
  };
  const zone = format({ timeZoneName: "short", hour: "2-digit" });

  function dayWord(moment) {
    const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
    const days = Math.round((midnight(new Date()) - midnight(moment)) / DAY);
    return { 0: "today", 1: "yesterday", "-1": "tomorrow" }[days];
  }

  function ago(moment) {
    const seconds = Math.round((moment - Date.now()) / 1000);
    const steps = [["day", 86400], ["hour", 3600], ["minute", 60]];
    const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
    for (const [unit, size] of steps) {
      if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
    }
    return relative.format(seconds, "second");
  }

  function one(token, moment) {
    if (token === "{ago}") return ago(moment);
    if (token === "{date_num}") {
      const two = (number) => String(number).padStart(2, "0");
      return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
    }
    const base = token.replace("_pretty", "");
    const pretty = base !== token && dayWord(moment);
    if (pretty) return pretty;
    return formats[base] ? formats[base].format(moment) : token;
  }

  // Fills the <time> elements under `root`; the full date with its zone is in the title.
  function write(root) {
    for (const element of root.querySelectorAll("time[data-pattern]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.valueOf())) continue;
      element.textContent = element.dataset.pattern.replace(/\{[a-z_]+\}/g, (token) => one(token, moment));
      const part = zone.formatToParts(moment).find((piece) => piece.type === "timeZoneName");
      element.title = `${one("{date_long}", moment)} ${one("{time_secs}", moment)} ${part ? part.value : ""}`;
    }
  }

  return { write };
})();
