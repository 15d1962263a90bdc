"use strict";
/* What a participant has done, kept in the browser so that a reload goes on where they were. */

const COLUMNS = ["experiment", "participant", "number", "phase", "stimulus", "response",
  "response_ms", "stimulus_ms", "frame_ms", "presentations", "check"];

/** The browser's storage; in its place memory alone, where the browser forbids it. */
const storage = (() => {
  try {
    localStorage.setItem("model_metamers", "");
    return localStorage;
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => (kept.has(key) ? kept.get(key) : null),
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
})();

class Records {
  constructor(experiment, participant) {
    this.experiment = experiment.experiment;
    this.participant = participant;
    this.steps = experiment.participants[participant - 1];
    this.key = `model_metamers ${this.experiment} ${participant}`;
    this.kept = JSON.parse(storage.getItem(this.key) || "{}");
  }

  get hasBegun() { return Object.keys(this.kept).length > 0; }
  get isComplete() { return this.steps.every((_, index) => this.isDone(index + 1)); }
  isDone(number) { return "response" in (this.kept[number] || {}); }
  responseTo(number) { return this.kept[number].response; }

  /** Count that a stimulus is about to be presented: after a reload in a trial, once more. */
  begin(number) {
    const presentations = (this.kept[number] || { presentations: 0 }).presentations + 1;
    this.kept[number] = { presentations };
    this.save();
  }

  finish(number, answer) {
    Object.assign(this.kept[number], answer);
    this.save();
  }

  note(name) {
    this.kept[name] = true;
    this.save();
  }

  has(name) { return this.kept[name] === true; }
  save() { storage.setItem(this.key, JSON.stringify(this.kept)); }

  /** The response file; each row has a check of its other fields. */
  csv() {
    const rows = this.steps.map((step, index) => {
      const kept = this.kept[index + 1];
      const times = [kept.response_ms, kept.stimulus_ms, kept.frame_ms];
      const fields = [this.experiment, this.participant, index + 1, step.phase, step.stimulus,
        kept.response, ...times.map(inTenths), kept.presentations].join(",");
      return `${fields},${crc32(fields)}`;
    });
    return [COLUMNS.join(","), ...rows, ""].join("\n");
  }
}

function inTenths(milliseconds) {
  return milliseconds === undefined ? "" : milliseconds.toFixed(1);
}

/** The CRC-32 of zlib, of a text's UTF-8, in eight hexadecimal digits. */
function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
