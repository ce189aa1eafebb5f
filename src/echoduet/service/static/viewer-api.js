// The server: every request goes through here, with the token where one is asked for. The token lives in this variable only.

let token = "";
let askForToken = async () => "";
let asking = null;

/** Who asks the person for a token: `(wrong: boolean) => Promise<string>`. */
export function onUnauthorised(ask) {
  askForToken = ask;
}

const bearer = () => (token ? { authorization: `Bearer ${token}` } : {});

/** Ask for a token once, however many requests wait for it. */
async function renew(used) {
  if (used !== token) return;
  asking ??= askForToken(token !== "").finally(() => {
    asking = null;
  });
  token = await asking;
}

class Refusal extends Error {
  constructor(status, sentence, wait) {
    super(sentence);
    Object.assign(this, { status, wait });
  }
}

function refusal(status, text, retryAfter) {
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    /* not every proxy on the way speaks JSON; the status says enough */
  }
  const remedy = status === 404 ? " Analyse the image again; what you painted stays." : "";
  return new Refusal(status, (told.error || `The server refused the request (${status}).`) + remedy, Number(retryAfter) || 0);
}

const pause = (seconds) =>
  new Promise((done) => {
    setTimeout(done, 1000 * seconds);
  });

/**
 * Fetch, asking for a token where it is needed, and waiting where we ask too fast (a film asks for many layers).
 * Any other refusal is an error with the server's sentence. Addresses are relative: a proxy may put a prefix before them.
 */
export async function request(path, options = {}) {
  for (let tries = 0; ; tries += 1) {
    const used = token;
    let response;
    try {
      response = await fetch(path, { cache: "no-store", ...options, headers: { ...options.headers, ...bearer() } });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer. Start it again; what it had not exported is lost.");
    }
    if (response.ok) return response;
    const refused = refusal(response.status, await response.text(), response.headers.get("retry-after"));
    if (refused.status === 401) await renew(used);
    else if (refused.status === 429 && tries < 5) await pause(Math.min(5, refused.wait || 1));
    else throw refused;
  }
}

export const json = async (path, options) => (await request(path, options)).json();
export const blob = async (path, options) => (await request(path, options)).blob();
export const hasToken = () => token !== "";

/** One POST of files. XMLHttpRequest, because fetch does not tell how far an upload is. */
function post(path, body, progress) {
  return new Promise((done, fail) => {
    const call = new XMLHttpRequest();
    call.open("POST", path);
    for (const [name, value] of Object.entries(bearer())) call.setRequestHeader(name, value);
    call.upload.addEventListener("progress", (event) => progress(event.loaded / Math.max(1, event.total)));
    call.addEventListener("error", () =>
      fail(new Error("The server does not answer, or it closed the connection during the upload.")),
    );
    call.addEventListener("load", () => {
      if (call.status >= 200 && call.status < 300) done(JSON.parse(call.responseText));
      else fail(refusal(call.status, call.responseText, call.getResponseHeader("retry-after")));
    });
    call.send(body);
  });
}

/** Send files to be analysed, and return the job. A busy server (429, 503) is asked again when it says so. */
export async function send(files, { refuse = true, explain = false }, progress, busy) {
  const body = new FormData();
  for (const file of files) body.append("files", file, file.name || "pasted.png");
  const path = `v1/predictions?${new URLSearchParams({ refuse, explain, mode: "job" })}`;
  for (let tries = 0; ; tries += 1) {
    const used = token;
    try {
      return await post(path, body, progress);
    } catch (error) {
      if (error.status === 401) await renew(used);
      else if ([429, 503].includes(error.status) && tries < 30) {
        busy(error.message);
        await pause(Math.min(30, error.wait || 2));
      } else throw error;
    }
  }
}

/**
 * Watch a job until it is done, and return whether it was worth it. `changed` gets every state of it, with the results that had
 * not come before, and says whether anybody still waits for more.
 */
export async function follow(job, changed) {
  const seen = new Set();
  let [wait, start] = [0.15, 0];
  for (;;) {
    if (!changed(job)) return false;
    for (const { index } of job.results) seen.add(index);
    while (seen.has(start)) start += 1;
    if (job.status !== "queued" && job.status !== "running") return true;
    await pause(wait);
    wait = Math.min(1, wait * 1.3);
    job = await json(`v1/jobs/${job.id}?start=${start}`);
  }
}

export const forget = (job) => request(`v1/jobs/${job}`, { method: "DELETE" });
export const models = async () => (await json("v1/models")).models;

/** Keep a person's mask beside the answer; null takes it away. Returns the result with its new measurements. */
export async function correct(job, index, png) {
  const path = `v1/jobs/${job}/results/${index}/correction`;
  const options = png ? { method: "PUT", body: png, headers: { "content-type": "image/png" } } : { method: "DELETE" };
  const response = await request(path, options);
  return response.status === 204 ? null : response.json();
}
