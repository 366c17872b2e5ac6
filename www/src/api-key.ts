/** The API key. It is stored in the tab's session storage only. */

const STORAGE_KEY = "streamgage-key";

export const storedKey = () => sessionStorage.getItem(STORAGE_KEY);
export const removeKey = () => sessionStorage.removeItem(STORAGE_KEY);

/** Stores a key. Returns false if an Authorization header cannot contain it. */
export function storeKey(key: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(key)) return false;
  sessionStorage.setItem(STORAGE_KEY, key);
  return true;
}

/** Stores the key from a link `/#key=KEY`, as `npm start` prints it, and removes it from the URL and the history. */
export function readKeyFromFragment(): boolean {
  const encoded = /^#key=([^&]*)/.exec(location.hash)?.[1];
  if (encoded === undefined) return false;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return storeKey(decodeURIComponent(encoded));
  } catch {
    return false;
  }
}
