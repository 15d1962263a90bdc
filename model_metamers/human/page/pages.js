"use strict";
/* The pages around the trials: number, consent, instructions, breaks, the end. */

/** jsPsych's frame for a page of ours: `show` fills the element and resolves with its data. */
class OwnPage {
  static info = {
    name: "own-page",
    version: "1.0.0",
    parameters: { show: { type: jsPsychModule.ParameterType.FUNCTION, default: undefined } },
    data: {},
  };

  async trial(element, trial) {
    const data = await trial.show(element);
    element.replaceChildren();
    return data;
  }
}

function submitted(form) {
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      resolve();
    }, { once: true });
  });
}

function escaped(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element.innerHTML;
}

/** A page of text with one button, which has the focus. */
function textPage(title, paragraphs, button, more = {}) {
  const body = paragraphs.map((text) => `<p>${escaped(text)}</p>`).join("");
  return {
    type: jsPsychHtmlButtonResponse,
    stimulus: `<div class="text" id="text"><h1>${escaped(title)}</h1>${body}</div>`,
    choices: [button],
    on_load: () => {
      const onward = document.querySelector(".jspsych-btn");
      onward.setAttribute("aria-describedby", "text"); // so that screen readers read it
      onward.focus();
    },
    ...more,
  };
}

function numberPage(element, mostParticipants) {
  element.innerHTML = `
    <h1>Welcome</h1>
    <form novalidate><label for="number">Your participant number (1 to ${mostParticipants}), as the
    experimenter told you</label>
    <p><input id="number" type="number" min="1" max="${mostParticipants}" inputmode="numeric"></p>
    <p role="status" class="wrong"></p>
    <p><button class="main-button">Go on</button></p></form>`;
  const input = element.querySelector("input");
  input.focus();
  return (async () => {
    while (true) {
      await submitted(element.querySelector("form"));
      const number = Number(input.value);
      if (Number.isInteger(number) && number >= 1 && number <= mostParticipants) return number;
      element.querySelector("[role=status]").textContent =
        `Please type a whole number from 1 to ${mostParticipants}.`;
      input.focus();
    }
  })();
}

/** The last page: sends the answers where there is an address, and offers them as a file. */
async function endPage(element, records, address, onNext) {
  const csv = records.csv();
  const name = `participant_${String(records.participant).padStart(3, "0")}.csv`;
  element.innerHTML = `
    <h1>Thank you!</h1>
    <p id="sent" role="status"></p>
    <p><a id="download" download="${name}">Download your answers (${name})</a></p>
    <p><button type="button" id="again" hidden>Send them again</button>
    <button type="button" id="next">Next participant</button></p>`;
  const [sent, again] = [element.querySelector("#sent"), element.querySelector("#again")];
  const download = element.querySelector("#download");
  download.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  element.querySelector("#next").addEventListener("click", onNext);
  const send = async () => {
    again.hidden = true;
    const told = await sendAnswers(address, csv);
    sent.textContent = told || "Your answers have arrived. You may close this page.";
    again.hidden = !told;
    if (!told) records.note("sent");
  };
  again.addEventListener("click", send);
  download.focus();
  if (!address) {
    sent.textContent = "Please download your answers and give the file to the experimenter.";
  } else if (records.has("sent")) {
    sent.textContent = "Your answers have arrived. You may close this page.";
  } else {
    sent.textContent = "Sending your answers ...";
    await send();
  }
  return new Promise(() => {}); // the page stays
}

/** Post a response file; return "" or what went wrong. */
async function sendAnswers(address, csv) {
  const please = "Please download your answers and give the file to the experimenter.";
  try {
    const answer = await fetch(address, {
      method: "POST", headers: { "Content-Type": "text/csv" }, body: csv,
    });
    if (answer.ok) return "";
    return `Your answers were not accepted (${(await answer.text()).trim()}). ${please}`;
  } catch {
    return `Your answers could not be sent. ${please}`;
  }
}
