// The camera, in a dialog.

import { button, el, note } from './dom.js';
import { S } from './strings.js';

/** Opens the dialog. The result is a photo as a file, or null if the dialog was closed without one. */
export function openCamera() {
  return new Promise((resolve) => {
    let stream = null;
    let shot = null;
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    const video = el('video', {
      class: 'camera-picture',
      autoplay: true,
      playsinline: true,
      'aria-label': S.camera.preview,
    });
    video.muted = true;
    const place = el('div', {});
    const shoot = button(
      S.camera.shoot,
      async () => {
        shot = await frameOf(video);
        dialog.close();
      },
      { kind: 'primary', iconName: 'camera', disabled: true },
    );
    const other = button(S.camera.other, () => start(1), { hidden: true });
    const dialog = el(
      'dialog',
      { class: 'dialog camera', 'aria-labelledby': 'camera-heading' },
      el('h2', { id: 'camera-heading', text: S.camera.heading }),
      place,
      video,
      el(
        'div',
        { class: 'row end' },
        other,
        button(S.cancel, () => dialog.close()),
        shoot,
      ),
    );
    dialog.addEventListener('close', () => {
      stop();
      dialog.remove();
      resolve(shot);
    });

    let devices = [];
    let current = 0;
    async function start(step) {
      stop();
      shoot.disabled = true;
      current = devices.length ? (current + step) % devices.length : 0;
      const device = devices[current]?.deviceId;
      try {
        stream = await navigator.mediaDevices.getUserMedia({
          audio: false,
          video: {
            width: { ideal: 1920 },
            height: { ideal: 1080 },
            ...(device ? { deviceId: { exact: device } } : { facingMode: 'user' }),
          },
        });
        // The dialog may have been closed while the browser asked for permission.
        if (!dialog.open) return stop();
        video.srcObject = stream;
        await video.play();
        shoot.disabled = false;
        devices = (await navigator.mediaDevices.enumerateDevices()).filter(
          ({ kind, deviceId }) => kind === 'videoinput' && deviceId,
        );
        other.hidden = devices.length < 2;
      } catch (error) {
        say(SAID[error.name] ?? S.camera.failed);
      }
      return undefined;
    }
    function say(text) {
      video.hidden = true;
      shoot.hidden = true;
      place.replaceChildren(note('error', el('p', { text })));
    }

    document.body.append(dialog);
    dialog.showModal();
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) say(S.camera.insecure);
    else start(0);
  });
}

const SAID = {
  NotAllowedError: S.camera.denied,
  SecurityError: S.camera.denied,
  NotFoundError: S.camera.absent,
  OverconstrainedError: S.camera.absent,
  NotReadableError: S.camera.busy,
  AbortError: S.camera.busy,
};

async function frameOf(video) {
  const canvas = el('canvas', { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d').drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', 0.95);
  });
  return blob && new File([blob], S.camera.name, { type: 'image/jpeg' });
}
