"use strict";
/* Setting the level, the headphone check (Woods et al. 2017), and words to be typed. */

const MOST_COMPLETIONS = 8;

/** Play a sound once and return how long it sounded, in ms. */
async function played(sound) {
  const began = new Promise((resolve) => {
    sound.addEventListener("playing", () => resolve(performance.now()), { once: true });
  });
  const ended = new Promise((resolve, reject) => {
    sound.addEventListener("ended", () => resolve(performance.now()), { once: true });
    sound.addEventListener("error", () => reject(new Error(`cannot play ${sound.src}`)));
  });
  await Promise.all([sound.play(), ended]);
  return (await ended) - (await began);
}

/** Let the participant play noise as loud as the stimuli until the level is right. */
function levelPage(element) {
  element.innerHTML = `
    <h1>Set the level</h1>
    <p>Put your headphones on. Play the noise as often as you like, and set your computer's volume
    so that it is loud but comfortable. Please leave it there until the end.</p>
    <p><button type="button" id="play">Play the noise</button></p>
    <form><button class="main-button">The level is right</button></form>`;
  const noise = new Audio("stimuli/level.wav");
  const play = element.querySelector("#play");
  play.addEventListener("click", () => {
    noise.currentTime = 0;
    noise.play().catch((error) => {
      if (error.name !== "AbortError") throw error; // that is: gone on before it began
    });
  });
  play.focus();
  return submitted(element.querySelector("form")).then(() => noise.pause());
}

/** Play three tones once, and return which one was said to be the softest. */
async function headphoneTrial(element, step, place) {
  element.innerHTML = `
    <h1>Headphone check ${place}</h1>
    <p>You will hear three tones, once. Which one is the softest?</p>
    <p><button type="button" id="play" class="main-button">Play the tones</button></p>
    <div role="group" aria-label="The softest tone"></div>`;
  const group = element.querySelector("[role=group]");
  group.innerHTML = ["First", "Second", "Third"]
    .map((name, index) => `<button type="button" disabled data-choice="${index + 1}">` +
      `${name} <kbd>(${index + 1})</kbd></button>`).join("");
  const play = element.querySelector("#play");
  play.focus();
  await new Promise((resolve) => play.addEventListener("click", resolve, { once: true }));
  play.disabled = true;
  const stimulus_ms = await played(new Audio(`stimuli/${step.stimulus}`));
  const began = performance.now();
  group.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  group.querySelector("button").focus();
  const response = await new Promise((resolve) => {
    const onKey = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
      if (["1", "2", "3"].includes(event.key)) end(event.key);
    };
    const end = (number) => {
      document.removeEventListener("keydown", onKey);
      resolve(number);
    };
    document.addEventListener("keydown", onKey);
    group.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) end(button.dataset.choice);
    });
  });
  return { response, response_ms: performance.now() - began, stimulus_ms };
}

/** Play a sound once, and return the word of the list that was typed. */
async function wordTrial(element, step, experiment, title) {
  const { choices } = experiment;
  element.innerHTML = `
    <h1>${title}</h1>
    <form novalidate><label for="word">Which word was in the middle of the sound?</label>
    <p><input id="word" type="text" list="completions" autocomplete="off" autocapitalize="none"
      spellcheck="false" disabled aria-describedby="told"></p>
    <datalist id="completions"></datalist>
    <p id="told" role="status" class="note">Listen: you hear it once.</p>
    <p><button class="main-button" disabled>Answer</button></p></form>
    <details><summary>Show the ${choices.length} words</summary><ul class="words"></ul></details>`;
  const [input, told] = [element.querySelector("#word"), element.querySelector("#told")];
  element.querySelector(".words").innerHTML = choices.map((word) => `<li>${word}</li>`).join("");
  const stimulus_ms = await played(new Audio(`stimuli/${step.stimulus}`));
  const began = performance.now();
  input.disabled = element.querySelector("form button").disabled = false;
  told.textContent = "Type it, or its beginning and choose. If you are not sure, guess.";
  input.addEventListener("input", () => complete(input, choices));
  input.focus();
  while (true) {
    await submitted(element.querySelector("form"));
    const response = knownWord(input.value, choices);
    if (response) return { response, response_ms: performance.now() - began, stimulus_ms };
    told.className = "wrong";
    told.textContent = input.value.trim()
      ? "That word is not in the list; please choose one that is."
      : "Please type a word.";
    input.focus();
  }
}

function knownWord(typed, choices) {
  const word = typed.trim().toLowerCase();
  return choices.find((choice) => choice.toLowerCase() === word);
}

/** Offer the words that begin with what was typed. */
function complete(input, choices) {
  const typed = input.value.trim().toLowerCase();
  const begun = choices.filter((word) => typed && word.toLowerCase().startsWith(typed));
  const options = begun.slice(0, MOST_COMPLETIONS).map((word) => new Option(word, word));
  document.querySelector("#completions").replaceChildren(...options);
}
