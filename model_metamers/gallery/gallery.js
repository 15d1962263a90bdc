"use strict";
(() => {
  const AT_A_TIME = 24;
  const data = JSON.parse(document.getElementById("data").textContent);
  const items = data.items;
  const byId = (id) => document.getElementById(id);
  const filters = ["run", "network", "layer", "kind", "accepted"];
  const cards = byId("cards"), detail = byId("detail"), player = new Audio();
  let chosen = items, nShown = 0, opened = -1, playing = null;

  // Small helpers -------------------------------------------------------------------------------
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const number = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1);
    return String(Number(value.toPrecision(4)));
  };
  const unique = (values) => [...new Set(values)];
  const addresses = new Map();
  const address = (id, type) => {
    if (!addresses.has(id)) {
      const bytes = Uint8Array.from(atob(byId("m" + id).textContent), (c) => c.charCodeAt(0));
      addresses.set(id, URL.createObjectURL(new Blob([bytes], {type})));
    }
    return addresses.get(id);
  };
  const sound = (of) => (of.sound === null ? of.file : address(of.sound, "audio/wav"));
  const picture = (of, alt) => {
    const image = element("img", {alt, width: of.size[0], height: of.size[1],
      src: address(of.picture, "image/webp")});
    if (!("sound" in of) && Math.max(...of.size) <= 128) image.className = "small";
    return image;
  };

  // Sounds --------------------------------------------------------------------------------------
  const stop = () => {
    player.pause();
    if (playing) playing.setAttribute("aria-pressed", "false");
    playing = null;
  };
  const play = (of, button) => {
    const again = playing === button;
    stop();
    if (again) return;
    player.src = sound(of);
    playing = button;
    button.setAttribute("aria-pressed", "true");
    player.play().catch(stop);
  };
  player.addEventListener("ended", stop);
  const playButton = (of, what) => {
    const button = element("button", {type: "button", "aria-pressed": "false"}, "▶ " + what);
    button.addEventListener("click", () => play(of, button));
    return button;
  };

  // Curves --------------------------------------------------------------------------------------
  const svg = (name, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const curve = (title, steps, values, logarithmic) => {
    const points = steps.map((step, i) => [step, values[i]])
      .filter(([, y]) => y !== undefined && y !== null && (!logarithmic || y > 0));
    if (points.length < 2) return null;
    const ys = points.map(([, y]) => (logarithmic ? Math.log10(y) : y));
    const low = Math.min(...ys), span = Math.max(...ys) - low || 1;
    const last = points[points.length - 1];
    const path = points.map(([x], i) => [(100 * x) / (last[0] || 1),
      2 + 96 * (1 - (ys[i] - low) / span)].map((v) => v.toFixed(1)).join(" "));
    return element("figure", {}, element("figcaption", {},
      `${title} ${number(points[0][1])} → ${number(last[1])} in ${last[0]} evaluations`),
    svg("svg", {viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true"},
      svg("path", {class: "axis", d: "M0 0V100H100"}),
      svg("path", {class: "line", d: "M" + path.join("L")})));
  };
  const curves = (item) => {
    const [steps, losses, correlations] = item.curve;
    const drawn = [curve("loss", steps, losses, true),
      curve("correlation", steps, correlations, false)].filter((each) => each);
    return drawn.length ? element("div", {class: "curves"}, ...drawn) : null;
  };

  // Cards ---------------------------------------------------------------------------------------
  const verdict = (item) => element("p", {}, element("span",
    {class: item.accepted ? "yes" : "no"}, item.accepted ? "✓ accepted" : "✗ not accepted"),
  ": " + item.reason);
  const kindOf = (item) => (item.labelled ? item.kind : "");  // else the verdict tells it
  const heading = (item) => byId("order").value === "layer"
    ? element("h2", {}, item.network + " ", element("span", {}, item.layer))
    : element("h2", {}, item.stimulus + " ", element("span", {}, kindOf(item)));
  const groupOf = (item) => byId("order").value === "layer"
    ? item.run + "|" + item.network + "|" + item.layer : item.run + "|" + item.stimulus;
  const titleOf = (item) => byId("order").value === "layer"
    ? [item.stimulus + " ", element("span", {}, kindOf(item))]
    : [item.network + " ", element("span", {}, item.layer)];
  const card = (item, place) => {
    const open = element("button", {type: "button", class: "open", "data-place": place,
      "aria-label": `${item.stimulus}, ${item.network}, ${item.layer}: enlarge`},
    element("span", {}, picture(item.natural, "natural stimulus"), "natural"),
    element("span", {}, picture(item.metamer, "metamer"), "metamer"));
    open.addEventListener("click", () => show(place));
    const made = element("article", {class: "card"}, open);
    if ("sound" in item.natural) {
      made.append(element("div", {class: "plays"}, playButton(item.natural, "natural"),
        playButton(item.metamer, "metamer")));
    }
    const n = item.numbers;
    made.append(element("h3", {}, ...titleOf(item)), verdict(item));
    const drawn = curves(item);
    if (!drawn || drawn.children.length < 2) {
      made.append(element("p", {class: "numbers"},
        `correlation ${number(n.spearman_layer)}, loss ${number(n.loss_first)} → `
        + `${number(n.loss_last)}`));
    }
    if (drawn) made.append(drawn);
    return made;
  };
  const more = () => {
    const next = chosen.slice(nShown, nShown + AT_A_TIME);
    next.forEach((item, i) => {
      const place = nShown + i;
      if (place === 0 || groupOf(chosen[place - 1]) !== groupOf(item)) cards.append(heading(item));
      cards.append(card(item, place));
    });
    nShown += next.length;
    byId("end").textContent = nShown < chosen.length ? `${chosen.length - nShown} more below`
      : chosen.length ? "" : "Nothing matches these filters.";
  };
  const fill = () => {
    stop();
    cards.replaceChildren();
    nShown = 0;
    const accepted = chosen.filter((item) => item.accepted).length;
    byId("count").textContent = `${chosen.length} of ${items.length} metamers, `
      + `${accepted} of them accepted`;
    more();
    enough();
  };
  // The end of the list comes near: draw on, until it is out of sight again.
  const enough = () => {
    while (nShown < chosen.length
      && byId("end").getBoundingClientRect().top < 2 * window.innerHeight) more();
  };
  new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) enough(); },
    {rootMargin: "100% 0px"}).observe(byId("end"));
  window.addEventListener("scroll", enough, {passive: true});
  window.addEventListener("resize", enough);

  // Filters -------------------------------------------------------------------------------------
  const options = (select, values) => {
    const old = select.value;
    select.replaceChildren(element("option", {value: ""}, "all"),
      ...values.map((value) => element("option", {value}, value)));
    select.value = values.includes(old) ? old : "";
  };
  const matches = (item, but) => filters.every((name) => {
    const wanted = byId(name).value;
    if (!wanted || name === but) return true;
    return name === "accepted" ? item.accepted === (wanted === "yes") : item[name] === wanted;
  });
  const filter = () => {
    const ofNetwork = items.filter((item) => ["run", "network"].every(
      (name) => !byId(name).value || item[name] === byId(name).value));
    options(byId("layer"), unique(ofNetwork.map((item) => item.layer)));
    options(byId("kind"), unique(ofNetwork.map((item) => item.kind)).sort());
    chosen = items.filter((item) => matches(item));
    if (byId("order").value === "stimulus") {
      const first = new Map();
      chosen.forEach((item, i) => {
        const key = item.run + "|" + item.stimulus;
        if (!first.has(key)) first.set(key, i);
      });
      const placeOf = (item) => first.get(item.run + "|" + item.stimulus);
      chosen = [...chosen].sort((a, b) => placeOf(a) - placeOf(b));
    }
    fill();
  };
  byId("filters").addEventListener("change", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(filter));

  // One metamer, large --------------------------------------------------------------------------
  const figure = (of, what) => {
    const shown = element("figure", {}, picture(of, what), element("figcaption", {}, what + ", ",
      element("a", {href: of.file, target: "_blank"}, "file")));
    if ("sound" in of) {
      shown.append(element("audio", {controls: "", "aria-label": what, src: sound(of)}));
    }
    return shown;
  };
  const TOLD = [["spearman_layer", "correlation at the layer"], ["null_max", "null’s maximum"],
    ["p_null", "p under the null"], ["spearman_logits", "correlation at the output"],
    ["loss_first", "first loss"], ["loss_last", "last loss"], ["steps", "evaluations"]];
  const show = (place) => {
    stop();
    while (place >= nShown && nShown < chosen.length) more();
    const item = chosen[place];
    opened = place;
    byId("detail-title").textContent = `${item.stimulus} · ${item.network} · ${item.layer}`;
    byId("before").disabled = place === 0;
    byId("after").disabled = place === chosen.length - 1;
    const list = element("dl");
    for (const [name, told] of TOLD) {
      list.append(element("dt", {}, told), element("dd", {}, number(item.numbers[name])));
    }
    const body = [element("div", {class: "pair"}, figure(item.natural, "natural stimulus"),
      figure(item.metamer, "metamer")), verdict(item), list];
    const drawn = curves(item);
    if (drawn) body.push(drawn);
    byId("detail-body").replaceChildren(...body);
    if (!detail.open) detail.showModal();
  };
  const step = (by) => {
    const place = opened + by;
    if (place >= 0 && place < chosen.length) show(place);
  };
  byId("before").addEventListener("click", () => step(-1));
  byId("after").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => detail.close());
  detail.addEventListener("close", () => {
    byId("detail-body").replaceChildren();
    const back = cards.querySelector(`[data-place="${opened}"]`);
    if (back) back.focus();
  });
  detail.addEventListener("keydown", (event) => {
    const sounds = detail.querySelectorAll("audio");
    const wanted = {n: sounds[0], m: sounds[1]}[event.key.toLowerCase()];
    if (wanted) {
      sounds.forEach((each) => each.pause());
      wanted.currentTime = 0;
      wanted.play();
    } else if (event.target.tagName !== "AUDIO") {
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    }
  });

  // Arrow keys from card to card ----------------------------------------------------------------
  const beside = (from, down) => {
    const here = from.getBoundingClientRect();
    const others = [...cards.querySelectorAll(".open")].map((each) => {
      const box = each.getBoundingClientRect();
      return {each, rows: down * (box.top - here.top), columns: Math.abs(box.left - here.left)};
    }).filter((other) => other.rows > 1);
    others.sort((a, b) => a.rows - b.rows || a.columns - b.columns);
    const row = others.filter((other) => other.rows < others[0].rows + 1);
    row.sort((a, b) => a.columns - b.columns);
    return row.length ? row[0].each : null;
  };
  cards.addEventListener("keydown", (event) => {
    const from = event.target.closest(".open");
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    const down = {ArrowUp: -1, ArrowDown: 1}[event.key];
    if (!from || (!by && !down)) return;
    event.preventDefault();
    const place = Number(from.dataset.place) + (by || 0);
    if (place >= nShown - 1) more();
    const to = by ? cards.querySelector(`[data-place="${place}"]`) : beside(from, down);
    if (to) {
      to.focus();
      to.closest(".card").scrollIntoView({block: "nearest"});
    }
  });

  // Start ---------------------------------------------------------------------------------------
  const runs = unique(items.map((item) => item.run));
  options(byId("run"), runs);
  document.querySelector(".of-runs").hidden = runs.length < 2;
  options(byId("network"), unique(items.map((item) => item.network)));
  for (const run of data.settings) {
    for (const [name, value] of Object.entries(run)) {
      byId("settings").append(element("dt", {}, name), element("dd", {}, String(value)));
    }
  }
  filter();
})();
