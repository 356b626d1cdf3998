// What a person does here goes to the node at once, and again 30 times a second while the seat is ours; silence lets go.
"use strict";

const $ = (id) => document.getElementById(id);
const frame = $("scene");
const BEAT_MS = 33, FRAME_MS = 150, STALE_MS = 1000, REMEMBER = 120;
const MOVES = {
  KeyW: [1, 0, 0], ArrowUp: [1, 0, 0], KeyS: [-1, 0, 0], ArrowDown: [-1, 0, 0],
  KeyA: [0, 1, 0], ArrowLeft: [0, 1, 0], KeyD: [0, -1, 0], ArrowRight: [0, -1, 0],
  KeyR: [0, 0, 1], KeyF: [0, 0, -1],
};
const TURNS = { KeyQ: 1, KeyE: -1 };
const ACTS = { KeyT: "take_over", KeyG: "give_back", KeyN: "new_episode", Enter: "success", Delete: "discard" };
const DEAD_MAN = "Space", FAST = ["ShiftLeft", "ShiftRight"], GRIPPER = "KeyC";
const WHY = {
  take_over: "taken over", release: "given back", policy_lost: "no policy answers", policy_back: "the policy is back",
};
const LET_GO = { true: "hold space to drive on, or give back", false: "hold space to drive" };
const down = new Set();
const past = {};
let pointer = false, frameAt = 0, statusAt = 0, viewer = null, seated = false, line = null;

// The line ----------------------------------------------------------------------------------------------------------

function connect() {
  line = new WebSocket(`ws://${location.host}/live`);
  line.onmessage = (event) => receive(JSON.parse(event.data));
  line.onclose = (event) => {
    release();
    sitDown(false);
    $("driver").textContent = "";
    show("FAULT", event.reason || "the connection is lost; trying again");
    setTimeout(connect, 1000);
  };
}

function send(message) {
  if (line && line.readyState === WebSocket.OPEN) line.send(JSON.stringify(message));
}

function receive(message) {
  if (message.viewer) {
    viewer = message.viewer;
    const other = { "127.0.0.1": "localhost", localhost: "127.0.0.1" }[location.hostname] || location.hostname;
    frame.src = `http://${other}:${location.port}/scene/${viewer}/`;  // another site, and so another process
  }
  if (message.state) showState(message.state);
  if (message.refused) words(message.refused, true);
  if (message.done) words(message.words || message.done, false);
}

function words(text, refused) {
  $("words").textContent = text;
  $("words").classList.toggle("refused", refused);
}

// The hands ---------------------------------------------------------------------------------------------------------

function hands() {
  if (document.activeElement === frame || pointer) {  // what the picture reports counts while it is alive
    if (performance.now() - frameAt > FRAME_MS) forget();
  }
  const message = { do: "hands", held: down.has(DEAD_MAN), fast: FAST.some((key) => down.has(key)), pointer };
  message.deflection = [0, 1, 2].map((axis) => {
    let sum = 0;
    for (const key of down) if (MOVES[key]) sum += MOVES[key][axis];
    return Math.max(-1, Math.min(1, sum));
  });
  message.turn = [...down].reduce((sum, key) => sum + (TURNS[key] || 0), 0);
  message.gripper = down.has(GRIPPER);
  const pad = navigator.getGamepads ? [...navigator.getGamepads()].find((each) => each && each.connected) : null;
  if (pad && pad.buttons.length > 5 && pad.buttons[4].pressed && !message.held) {
    message.held = true;
    message.fast = pad.buttons[5].pressed;
    message.deflection = [-(pad.axes[1] || 0), -(pad.axes[0] || 0), -(pad.axes[3] || 0)].map(still);
    message.turn = still(-(pad.axes[2] || 0));
    message.gripper = message.gripper || pad.buttons[0].pressed;
  }
  return message;
}

const still = (value) => (Math.abs(value) < 0.08 ? 0 : Math.max(-1, Math.min(1, value)));

function beat() {
  const now = hands();
  if (seated && !document.hidden && document.hasFocus()) send(now);
  $("gripper").classList.toggle("down", seated && now.gripper);
  $("gripper").classList.toggle("idle", now.gripper && !now.held);
}

function forget() {
  down.clear();
  pointer = false;
}

function release() {
  forget();
  if (seated) send(hands());
}

function press(code, pressed) {
  if (code in ACTS) {
    if (pressed && seated) act(ACTS[code]);
    return;
  }
  pressed ? down.add(code) : down.delete(code);
  beat();
}

const isText = (target) => target && /^(INPUT|TEXTAREA)$/.test(target.tagName) && target.type !== "checkbox";

function key(event, pressed) {
  const code = event.code;
  if (pressed) {
    if (isText(event.target)) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return release();  // what is let go meanwhile may not be seen
  }
  if (!(code in MOVES || code in TURNS || code in ACTS || [DEAD_MAN, GRIPPER, ...FAST].includes(code))) return;
  if (!isText(event.target)) event.preventDefault();  // space would press a button
  if (!event.repeat) press(code, pressed);  // letting go counts wherever the pointer and the modifiers are
}

window.addEventListener("keydown", (event) => key(event, true), true);
window.addEventListener("keyup", (event) => key(event, false), true);
document.addEventListener("focusin", (event) => isText(event.target) && release());
window.addEventListener("blur", () => setTimeout(() => document.hasFocus() || release()));
document.addEventListener("visibilitychange", () => document.hidden && release());
window.addEventListener("pagehide", release);
window.addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow) return;
  frameAt = performance.now();
  if (typeof event.data.pointer === "boolean") {
    pointer = event.data.pointer;
    if (!pointer && document.activeElement === frame) { frame.blur(); window.focus(); }  // keys are ours again
    beat();
  }
  if (event.data.release) release();
  if (typeof event.data.code === "string") press(event.data.code, event.data.pressed === true);
});
setInterval(beat, BEAT_MS);

// The buttons -------------------------------------------------------------------------------------------------------

function act(what) {
  if (what === "success" || what === "failure") {
    send({ do: "save", success: what === "success", note: $("note").value });
    $("note").value = "";
    return;
  }
  send({ do: what });
}

for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => act(button.dataset.do);
$("gripper").onclick = () => { press(GRIPPER, true); press(GRIPPER, false); };
$("success").onclick = () => act("success");
$("failure").onclick = () => act("failure");
$("policy").onchange = () => send({ do: "policy", drives: $("policy").checked });
$("sit").onclick = () => {
  if (seated) {
    release();
    sitDown(false);  // no input is sent any more
    return send({ do: "leave" });
  }
  localStorage.setItem("il_ros_name", $("name").value);
  send({ do: "sit", name: $("name").value });
  $("sit").blur();
};
$("name").value = localStorage.getItem("il_ros_name") || "";
for (const box of [$("name"), $("note")]) {
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { box.blur(); if (box.id === "name" && !seated) $("sit").click(); }
  });
}

// The cameras -------------------------------------------------------------------------------------------------------

const MAP_MS = 6000, OWN = "";  // the operator's own camera has no name
const figures = { [OWN]: { root: $("camera"), image: $("picture") } };
let seen = "0", pictured = null, wrong = "";

function figure(name) {  // of a camera that the policy sees
  if (figures[name]) return figures[name];
  const [root, image, map, label] = ["figure", "img", "img", "span"].map((tag) => document.createElement(tag));
  Object.assign(root, { className: "seen", title: "click: larger, smaller" }).dataset.camera = name;
  Object.assign(image, { className: "image", alt: `what the policy sees of ${name}` });
  Object.assign(map, { className: "map", alt: "what it attends to", hidden: true });
  Object.assign(label, { className: "name", textContent: name });
  root.append(image, map, label, document.createElement("figcaption"));
  root.onclick = () => enlarge(root);
  $("cameras").insertBefore(root, $("camera"));
  return (figures[name] = { root, image, map, mapAt: -MAP_MS });
}

async function look() {  // one picture at a time, and on a way of its own: a slow line delays nothing else
  const answer = await fetch(`/camera?after=${seen}${$("attention").checked ? "&attention=1" : ""}`);
  if (!answer.ok) throw new Error(answer.statusText);
  if (answer.status !== 200) return;  // there is none yet
  seen = answer.headers.get("X-Picture");
  const name = decodeURIComponent(answer.headers.get("X-Camera")), isMap = answer.headers.get("X-Layer") === "attention";
  const shown = figure(name), image = isMap ? shown.map : shown.image;
  const url = URL.createObjectURL(await answer.blob());
  image.src = url;
  try {
    await image.decode();
    if (isMap) shown.mapAt = performance.now();
    else if (name === OWN) pictured = performance.now();
    else shown.root.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function watch() {
  try {
    if (!document.hidden) await look();
    setTimeout(watch, document.hidden ? FRAME_MS : 0);
  } catch {  // the line is lost, or the picture cannot be read
    setTimeout(watch, 1000);
  }
}

function showFaults(cameras) {
  for (const [name, fault] of Object.entries(cameras)) {
    const { root } = figure(name);
    root.classList.toggle("stale", fault !== "");
    root.lastElementChild.textContent = fault;
  }
  $("attends").hidden = Object.keys(cameras).length === 0;
}

function enlarge(root) {
  for (const other of document.querySelectorAll("#cameras figure")) if (other !== root) other.classList.remove("large");
  root.classList.toggle("large");
}

function judge() {
  const age = pictured === null ? 0 : performance.now() - pictured, stale = wrong !== "" || age > STALE_MS;
  $("camera").hidden = pictured === null && !wrong;
  $("camera").classList.toggle("stale", stale);
  $("camera").lastElementChild.textContent = wrong || (stale ? `no picture for ${(age / 1000).toFixed(0)} s` : "");
  const maps = Object.values(figures).filter((each) => each.map);
  for (const { map, mapAt } of maps) map.hidden = !$("attention").checked || performance.now() - mapAt > MAP_MS;
  $("unattended").textContent = $("attention").checked && maps.every((each) => each.map.hidden) ? "(no policy with images answers)" : "";
  const silent = performance.now() - statusAt;
  if (statusAt && line.readyState === WebSocket.OPEN && silent > STALE_MS) show("FAULT", `nothing received for ${(silent / 1000).toFixed(0)} s`);
}

$("camera").onclick = () => enlarge($("camera"));
$("attention").onchange = () => $("attention").blur();  // space is the dead-man switch
setInterval(judge, 200);
watch();

// How things stand --------------------------------------------------------------------------------------------------

function show(state, why) {
  $("banner").dataset.state = state;
  $("who").textContent = state;
  $("why").textContent = why;
  document.title = `${state} · il_ros`;
}

function sitDown(mine) {
  seated = mine;
  for (const control of document.querySelectorAll(".buttons button, .buttons input")) control.disabled = !seated;
}

function showState(state) {
  statusAt = performance.now();
  sitDown(state.seat !== null && state.seat.viewer === viewer);
  wrong = state.camera;
  const [event, detail] = (state.why || "").split(": ");
  const known = { ...WHY, expert_lost: LET_GO[state.policy_drives] };
  const why = [known[event] === undefined ? event : known[event], detail].filter(Boolean).join(": ");
  if (state.fault) show("FAULT", state.fault);
  else if (!state.running) show("HOLD", state.episode ? `the episode has ended: ${state.episode.outcome}` : "press NEW EPISODE");
  else if (state.authority === "EXPERT") show("EXPERT", state.driver + (state.hand_over ? ", handing over" : ""));
  else show(state.authority, why);
  $("sit").textContent = seated ? "LEAVE" : "DRIVE";
  $("sit").disabled = !seated && state.seat !== null;
  $("name").disabled = seated;
  const other = state.device && state.device !== "browser" ? state.device : null;
  $("driver").textContent = seated ? (other ? `You have the buttons; ${other} drives.` : "You drive.") : state.seat ? `${state.seat.name} drives; you watch.` : "Nobody drives.";
  if (document.activeElement !== $("policy")) $("policy").checked = state.policy_drives;
  const e = state.episode;
  $("episode").textContent = e ? `${e.number} (seed ${e.seed})${e.running ? "" : `: ${e.outcome}`}` : "none yet";
  const s = state.saved, now = state.recording;
  const last = s && (s.error || (s.discarded ? `${s.discarded} discarded` : `${s.name}: ${s.outcome || "saved"}`));
  $("recording").textContent = now && now !== "None" ? `● ${now}` : last || "no";
  showGripper(state.gripper);
  showFaults(state.cameras);
  $("interventions").textContent = state.interventions;
  const c = state.checkpoint;
  $("checkpoint").textContent = c ? `${c.policy}, ${c.labels} labels` : "none trained yet";
  $("dropped").textContent = state.dropped;
  for (const strip of document.querySelectorAll("canvas")) draw(strip, Number.parseFloat(state[strip.dataset.of]));
  const t = state.trainer;
  $("training").textContent = t.state || "";
  $("progress").value = t.state === "training" && Number(t.steps) ? t.step / t.steps : 0;
}

function showGripper(grip) {
  $("gripper").hidden = !grip;
  if (!grip) return;
  const { measured, commanded } = grip, [left, target, mirrored, right] = $("jaws").children;
  const closed = measured ? measured.closed : 0, percent = Math.round(100 * closed);
  left.style.width = right.style.width = `${50 * closed}%`;
  target.hidden = mirrored.hidden = !commanded;
  if (commanded) target.style.left = mirrored.style.right = `calc(${50 * commanded.closed}% - ${3 * commanded.closed}px)`;
  const state = !measured ? "not measured" : closed < 0.1 ? "OPEN" : closed > 0.98 ? "CLOSED" : `${percent} % CLOSED`;
  $("grip").textContent = seated && $("gripper").classList.contains("idle") ? "hold space, too" : state;
  $("widths").textContent = [["measured", measured], ["commanded", commanded]].filter(([, each]) => each).map(([what, each]) => `${what} ${each.text}`).join(", ");
}

function draw(strip, value) {
  const kept = (past[strip.dataset.of] ||= []);
  kept.push(value);
  if (kept.length > REMEMBER) kept.shift();
  $(strip.dataset.of).textContent = Number.isFinite(value) ? value.toPrecision(3) : "–";
  const pen = strip.getContext("2d"), top = Math.max(1e-9, ...kept.filter(Number.isFinite));
  pen.clearRect(0, 0, strip.width, strip.height);
  pen.beginPath();
  kept.forEach((each, i) => {
    if (!Number.isFinite(each)) return;
    const y = strip.height - 2 - (each / top) * (strip.height - 4);
    pen.lineTo((i / (REMEMBER - 1)) * strip.width, y);
  });
  pen.strokeStyle = "#0072b2";
  pen.stroke();
}

connect();
