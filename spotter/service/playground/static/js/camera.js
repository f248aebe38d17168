// Takes a picture: with the camera where the page may use it, otherwise with the phone's own camera program.

import { $, dismissable } from "./dom.js";
import { add } from "./sheets.js";

let stream = null;

export function camera() {
  const dialog = $("camera");
  $("camera-open").addEventListener("click", open);
  $("camera-take").addEventListener("click", take);
  dismissable(dialog, $("camera-close"));
  dialog.addEventListener("close", stop);
  $("photo").addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = "";
  });
}

async function open() {
  if (!navigator.mediaDevices?.getUserMedia) {
    $("photo").click();
    return;
  }
  $("camera-problem").textContent = "";
  $("camera-take").disabled = true;
  $("camera").showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 2560 }, height: { ideal: 1440 } },
    });
  } catch (error) {
    $("camera-problem").textContent = `There is no picture from a camera: ${error.message || error.name}. Choose a file instead.`;
    return;
  }
  if (!$("camera").open) {
    stop(); // the dialog was closed meanwhile
    return;
  }
  $("camera-video").srcObject = stream;
  await $("camera-video").play();
  $("camera-take").disabled = false;
  $("camera-take").focus();
}

function take() {
  const video = $("camera-video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
  canvas.toBlob((blob) => add([new File([blob], `camera ${time}.jpg`, { type: "image/jpeg" })]), "image/jpeg", 0.92);
  $("camera").close();
}

function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  $("camera-video").srcObject = null;
}
