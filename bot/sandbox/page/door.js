// The one door to the server: what is asked of it, and what a person does through it.

import { store } from "./store.js";

/** What went wrong in words for people; `answered` when the server refused, rather than being out of reach. */
export class DoorError extends Error {
  constructor(message, { answered = false } = {}) {
    super(message);
    this.answered = answered;
  }
}

async function request(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined || body instanceof Blob ? {} : { "content-type": "application/json" },
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    });
  } catch {
    throw new DoorError("The sandbox does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw new DoorError(answer?.error ?? `The sandbox answered ${response.status} to ${method} ${path}.`, {
    answered: true,
  });
}

const query = (parts) =>
  new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== null && value !== undefined)).toString();

export const askState = (as) => request("GET", `/sandbox/state?${query({ as })}`);

export const askMessages = (channel, thread_ts) =>
  request("GET", `/sandbox/messages?${query({ as: store.me, channel, thread_ts })}`);

export const askTraffic = (after) => request("GET", `/sandbox/traffic?${query({ after })}`);

export const act = (what, details = {}) => request("POST", "/sandbox/act", { as: store.me, do: what, ...details });

export const askFaults = () => request("GET", "/sandbox/faults");
export const addFault = (fault) => request("POST", "/sandbox/faults", fault);
export const clearFaults = () => request("DELETE", "/sandbox/faults");
export const changeSettings = (settings) => request("POST", "/sandbox/settings", settings);

/** Sends one file as it is; gives the stored file's record. */
export async function upload(file) {
  const where = `/sandbox/upload?${new URLSearchParams({ as: store.me, name: file.name })}`;
  return (await request("POST", where, file)).file;
}
