"use strict";
/* A square, the image, a mask, then sixteen buttons (Geirhos et al. 2018). */

const KEYS = [..."1234qwerasdfzxcv"];
const CARD_MM = [85.6, 53.98]; // ISO/IEC 7810 ID-1: bank cards, driving licences
const NARROW_PX = 560; // less than a card's long side on many screens
const MM_PER_CM = 10;

function nextFrame() {
  return new Promise(requestAnimationFrame);
}

/** The screen's time per frame in ms: the lower quartile of 31, since busy machines miss some. */
async function refreshInterval() {
  const intervals = [];
  let before = await nextFrame();
  for (let count = 0; count < 31; count += 1) {
    const now = await nextFrame();
    intervals.push(now - before);
    before = now;
  }
  return intervals.sort((a, b) => a - b)[7];
}

/**
 * Draw one thing after the other, and return how long each was shown, and the longest frame
 * meanwhile, as the frames' own times tell. What is drawn in a frame appears when it ends, so the
 * times between the frames of two drawings are those on the screen.
 */
async function present(drawings, refresh_ms) {
  const shown = [];
  let frame = await nextFrame();
  for (const { draw, ms } of drawings) {
    draw();
    const first = frame;
    let longest = 0;
    do {
      const before = frame;
      frame = await nextFrame();
      longest = Math.max(longest, frame - before);
    } while (frame - first < ms - refresh_ms / 2);
    shown.push({ stimulus_ms: frame - first, frame_ms: longest });
  }
  return shown;
}

async function loaded(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

/** Side of the images in px: as set, or for an angle at the participant's distance. */
function imageSize(settings, pixelsPerMm) {
  if (!settings.degrees) return settings.image_size_px;
  const half = (settings.degrees * Math.PI) / 360;
  return 2 * settings.viewing_distance_cm * MM_PER_CM * Math.tan(half) * pixelsPerMm;
}

function stimulusCanvas(size) {
  const canvas = document.createElement("canvas");
  canvas.className = "stimulus";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "The picture to recognise");
  canvas.style.width = canvas.style.height = `${size}px`;
  canvas.width = canvas.height = Math.round(size * window.devicePixelRatio);
  return canvas;
}

/** Show a stimulus and return the answer; a response of "" where there was none in time. */
async function imageTrial(element, step, mask, experiment, size, refresh_ms) {
  const { settings, choices } = experiment;
  const [image, noise] = await Promise.all([loaded(`stimuli/${step.stimulus}`), loaded(mask)]);
  const canvas = stimulusCanvas(size);
  const context = canvas.getContext("2d");
  const side = canvas.width;
  const fill = (picture) => () => context.drawImage(picture, 0, 0, side, side);
  const fixation = () => context.fillRect(side * 0.48, side * 0.48, side * 0.04, side * 0.04);
  element.replaceChildren(canvas);
  const [, shown] = await present([
    { draw: fixation, ms: settings.fixation_ms },
    { draw: fill(image), ms: settings.image_ms },
    { draw: fill(noise), ms: settings.mask_ms },
  ], refresh_ms);
  const answer = await choice(element, choices, settings.response_ms);
  return { ...answer, ...shown };
}

/** Show the buttons until one is chosen, by pointer or key, or the time is over. */
async function choice(element, choices, limit_ms) {
  const group = document.createElement("div");
  group.className = "choices";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "What was on the picture?");
  choices.forEach((name, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.choice = name;
    button.innerHTML = `${name} <kbd>${KEYS[index]}</kbd>`;
    group.append(button);
  });
  element.replaceChildren(group);
  const began = await nextFrame();
  return new Promise((resolve) => {
    const end = (answer) => {
      clearTimeout(timer);
      document.removeEventListener("keydown", onKey);
      resolve(answer);
    };
    const chosen = (name) => end({ response: name, response_ms: performance.now() - began });
    const onKey = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const index = KEYS.indexOf(event.key.toLowerCase());
      if (index in choices && !event.repeat) chosen(choices[index]);
    };
    const timer = setTimeout(() => end({ response: "" }), limit_ms);
    document.addEventListener("keydown", onKey);
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) chosen(button.dataset.choice);
    });
  });
}

/** Let the participant fit a picture to a card, and return the screen's pixels per millimetre. */
async function cardPage(element) {
  const isUpright = element.clientWidth < NARROW_PX;
  const [across, down] = isUpright ? [...CARD_MM].reverse() : CARD_MM;
  const widest = Math.min(800, element.clientWidth - 32);
  element.innerHTML = `
    <h1>How large is your screen?</h1>
    <p>Hold a bank card, or any card of that size, ${isUpright ? "upright " : ""}against the blue
    one. Move the slider, or press the arrow keys, until both are equally wide.</p>
    <div class="card" role="img" aria-label="A card to compare"></div>
    <form><label for="width">Width of the blue card</label>
    <input id="width" type="range" min="120" max="${widest}" step="1">
    <p><button class="main-button">They are equally wide</button></p></form>`;
  const [card, slider] = [element.querySelector(".card"), element.querySelector("input")];
  const fit = () => {
    card.style.width = `${slider.value}px`;
    card.style.height = `${slider.value * (down / across)}px`;
  };
  slider.value = Math.round(across * 3.78); // the nominal size of a CSS pixel
  slider.addEventListener("input", fit);
  slider.focus();
  fit();
  await submitted(element.querySelector("form"));
  return Number(slider.value) / across;
}
