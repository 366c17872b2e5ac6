/** The API key: kept for the life of the tab, in no address, no log and no lasting store. */

const NAME = "streamgage-key";

export const storedKey = () => sessionStorage.getItem(NAME);
export const forgetKey = () => sessionStorage.removeItem(NAME);

/** Keeps a key that an Authorization header can carry; false for any other text. */
export function keepKey(key: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(key)) return false;
  sessionStorage.setItem(NAME, key);
  return true;
}

/** Takes the key out of `/#key=KEY`, as `npm start` prints it, and at once off the address bar and the history. */
export function takeKeyFromFragment(): boolean {
  const given = /^#key=([^&]*)/.exec(location.hash)?.[1];
  if (given === undefined) return false;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return keepKey(decodeURIComponent(given));
  } catch {
    return false;
  }
}
