"use strict";
/* The order of the pages. A step is a row of the response file; those done before are left out. */

const STORED = `model_metamers ${experiment.experiment}`;
const INSTRUCTIONS = {
  image: [
    "A small square appears, then a picture for a moment, then a pattern.",
    "After that, choose what was on the picture: click on one of the 16 names, or press the key " +
    "that is written below it. You have little time, so answer at once. If you are not sure, guess.",
    "Some pictures look strange, and some may look like nothing at all.",
  ],
  word: [
    "You hear a short sound, once. Type the word that was spoken in its middle.",
    "Only words of a list count. They are offered when you type their beginning. " +
    "If you are not sure, guess.",
    "Some sounds are strange, and some may not sound like speech at all.",
  ],
};

function startJsPsych() {
  document.querySelector("#experiment").replaceChildren(); // what an earlier one left
  // Sounds are ours, so that the page works from the disk too, which jsPsych warns of otherwise.
  return initJsPsych({
    display_element: "experiment", use_webaudio: false, override_safe_mode: true,
  });
}

/** Return this participant's number: of the address, of an earlier visit, or of the server. */
async function participantNumber() {
  const text = new URLSearchParams(location.search).get("participant");
  const most = experiment.participants.length;
  if (text) { // nobody else's session is to go on where it is mistyped
    const asked = Number(text);
    if (Number.isInteger(asked) && asked >= 1 && asked <= most) return asked;
    throw new Error(`The address asks for participant ${text}; numbers go from 1 to ${most}.`);
  }
  const stored = Number(storage.getItem(STORED));
  if (stored) return stored;
  if (server.participant) {
    const answer = await fetch(server.participant, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
    });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return (await answer.json()).participant;
  }
  let number;
  await startJsPsych().run([{
    type: OwnPage,
    show: async (element) => { number = await numberPage(element, most); },
  }]);
  return number;
}

function nextParticipant() {
  storage.removeItem(STORED);
  location.search = "";
}

/** Return the pages that come before a participant's first step that is not done. */
function beforeTrials(records) {
  if (records.hasBegun) {
    return [textPage("Welcome back", ["You go on where you were."], "Go on")];
  }
  const start = () => records.note("consent");
  return [
    textPage(experiment.consent[0], experiment.consent.slice(1), "I agree", { on_finish: start }),
  ];
}

/** Return the pages that stand before a step because its phase begins, or for a break. */
function pagesBefore(steps, index, records) {
  const [phase, before] = [steps[index].phase, (steps[index - 1] || {}).phase];
  const began = (name) => name === "catch" || name === "test";
  if (phase === "headphones" && before !== phase) {
    return [{ type: OwnPage, show: levelPage }];
  }
  if (phase === "practice" && before !== phase) {
    return [textPage("What you have to do",
      [...INSTRUCTIONS[experiment.task], "First some practice: you are told the right answers."],
      "Practise")];
  }
  if (began(phase) && !began(before)) {
    const text = before === "practice" ? [] : INSTRUCTIONS[experiment.task];
    return [textPage("Now the experiment",
      [...text, "From here on you are not told whether an answer was right."], "Start")];
  }
  const first = steps.findIndex((step) => began(step.phase));
  if (began(phase) && (index - first) % experiment.settings.break_every === 0) {
    return [textPage("A break", [`${index - first} of ${steps.length - first} are done. ` +
      "Rest as long as you like."], "Go on")];
  }
  return [];
}

/** What participants are told a step is: catch and test trials must look alike. */
function kindOf(step) {
  return { headphones: "Check", practice: "Practice", screen: "Screen" }[step.phase] || "Sound";
}

/** Return what shows a step and resolves with the answer to it. */
function presentation(records, index, screen) {
  const [step, number] = [records.steps[index], index + 1];
  const alike = records.steps.filter((one) => kindOf(one) === kindOf(step));
  const place = alike.indexOf(step) + 1;
  if (step.phase === "screen") return (element) => measureScreen(element, screen);
  if (step.phase === "headphones") return (element) => headphoneTrial(element, step, `${place} of ${alike.length}`);
  if (experiment.task === "word") {
    const title = `${kindOf(step)} ${place} of ${alike.length}`;
    return (element) => wordTrial(element, step, experiment, title);
  }
  const mask = experiment.masks[number % experiment.masks.length];
  return (element) => imageTrial(
    element, step, mask, experiment,
    imageSize(experiment.settings, screen.pixelsPerMm), screen.refresh_ms);
}

/** Note the window's size and, for a visual angle, the screen's pixels per millimetre. */
async function measureScreen(element, screen) {
  if (experiment.settings.degrees) screen.pixelsPerMm = await cardPage(element);
  const size = `${window.innerWidth}x${window.innerHeight}@${window.devicePixelRatio}`;
  const scale = screen.pixelsPerMm ? ` ${screen.pixelsPerMm.toFixed(3)}/mm` : "";
  return { response: size + scale, frame_ms: screen.refresh_ms };
}

function feedbackPage(records, index) {
  const step = records.steps[index];
  const title = () => (records.responseTo(index + 1) === step.label ? "Right" : "Not right");
  const says = () => {
    const response = records.responseTo(index + 1);
    if (response === step.label) return [`It was: ${step.label}.`];
    return [response ? `You chose ${response}; it was: ${step.label}.`
      : `That took too long; it was: ${step.label}.`];
  };
  const page = textPage("", [], "Go on");
  return { ...page, stimulus: () => textPage(title(), says(), "").stimulus };
}

function trialsOf(records, screen) {
  const timeline = [];
  records.steps.forEach((step, index) => {
    const number = index + 1;
    if (records.isDone(number)) return;
    const show = presentation(records, index, screen);
    timeline.push(...pagesBefore(records.steps, index, records));
    timeline.push({
      type: OwnPage,
      show: async (element) => {
        records.begin(number);
        records.finish(number, await show(element));
      },
    });
    if (step.phase === "practice") timeline.push(feedbackPage(records, index));
  });
  return timeline;
}

async function main() {
  const participant = await participantNumber();
  storage.setItem(STORED, participant);
  const records = new Records(experiment, participant);
  const noted = records.isDone(1) ? / ([\d.]+)\/mm$/.exec(records.responseTo(1)) : null;
  const screen = { refresh_ms: await refreshInterval(), pixelsPerMm: noted && Number(noted[1]) };
  const last = {
    type: OwnPage,
    show: (element) => endPage(element, records, server.responses, nextParticipant),
  };
  const jsPsych = startJsPsych();
  if (records.isComplete) {
    await jsPsych.run([last]);
    return;
  }
  const images = experiment.task === "image"
    ? [...experiment.masks, ...records.steps.filter((step) => step.stimulus)
      .map((step) => `stimuli/${step.stimulus}`)] : [];
  const preload = {
    type: jsPsychPreload, images, show_detailed_errors: true,
    error_message: "<p>The pictures could not be loaded. Please reload the page.</p>",
  };
  await jsPsych.run([preload, ...beforeTrials(records), ...trialsOf(records, screen), last]);
}

main().catch((error) => {
  document.querySelector("#experiment").innerHTML =
    `<div class="jspsych-content-wrapper"><div class="jspsych-content"><h1>Sorry</h1>
    <p role="alert">${escaped(error.message)}</p></div></div>`;
});
