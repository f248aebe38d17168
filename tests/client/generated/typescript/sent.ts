// What both clients send, and where.
import { readFileSync } from "node:fs";
import { env } from "node:process";

function setting(name: string): string {
  const value = env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

export const url = setting("SERVICE");
export const key = setting("KEY");
export const street = readFileSync(setting("STREET"));
export const form = readFileSync(setting("FORM"));
export const words = setting("STREET_WORDS").split(" ");
export const broken = street.subarray(0, 2000);
// Pixels at which the pictures are read: few, to save time.
export const side = 512;

export function missing(found: { text: string }[]): string[] {
  const texts = new Set(found.map((word) => word.text));
  return words.filter((word) => !texts.has(word));
}
