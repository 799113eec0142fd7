"""copies_example.py GALLERIST FACES OUT: writes the example of the page of `dedup plan --page`.

Makes copies of photos of FACES (`tests/faces`): equal files, other qualities and formats, crops, turned and mirrored ones, captions, bursts. Makes
a plan with its page, puts `/photos` for the folder and adds the attribution that the licence of the photos asks for.
"""

import argparse
import os
import shutil
import subprocess
import tempfile

from PIL import Image, ImageDraw, ImageOps

ATTRIBUTION = (
    '<footer class="quiet">Photos: Lisa DeBruine and Benedict Jones, '
    '<a href="https://doi.org/10.6084/m9.figshare.5047666">Face Research Lab London Set</a>, '
    '<a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>; scaled, cropped, turned, mirrored and captioned here.</footer>\n'
)


def captioned(picture):
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, picture.height * 88 // 100, picture.width, picture.height), fill="white")
    draw.text((8, picture.height * 90 // 100), "holiday 2019", fill="black")
    return picture


def make(faces, photos):
    def path(*parts):
        name = os.path.join(photos, *parts)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        return name

    def photo(person, name, exposure="neutral"):
        picture = Image.open(os.path.join(faces, person, f"{exposure}.jpg"))
        shutil.copy(picture.filename, path(*name))
        return picture

    for person, name in (("001", "IMG_0412.jpg"), ("003", "IMG_0413.jpg")):
        photo(person, ("camera", name))
        photo(person, ("old disk", "pictures", name))
    photo("003", ("backup 2021", "IMG_0413 (1).jpg"))
    photo("004", ("camera", "IMG_0418.jpg")).save(path("sent", "IMG-20190704-WA0003.jpg"), quality=45)
    photo("005", ("camera", "IMG_0420.jpg")).save(path("edited", "IMG_0420-edited.jpg"), quality=60)
    picture = photo("006", ("camera", "IMG_0425.jpg"))
    picture.crop((16, 10, 310, 304)).save(path("edited", "portrait.jpg"), quality=85)
    picture.resize((160, 160)).save(path("thumbnails", "IMG_0425.jpg"), quality=80)
    picture = photo("008", ("camera", "IMG_0431.jpg"))
    picture.rotate(90).save(path("scans", "page 7.jpg"), quality=85)
    ImageOps.mirror(picture).save(path("scans", "page 7 mirrored.jpg"), quality=85)
    picture = photo("012", ("camera", "IMG_0440.jpg"))
    captioned(picture).save(path("sent", "card.jpg"), quality=85)
    ImageOps.grayscale(picture).save(path("edited", "grey.jpg"), quality=85)
    for person in ("013", "017"):
        for second, exposure in enumerate(("neutral", "smiling")):
            picture = Image.open(os.path.join(faces, person, f"{exposure}.jpg"))
            exif = Image.Exif()
            exif[0x010F], exif[0x0110] = "Example", "Example 1"
            exif.get_ifd(0x8769)[0x9003] = f"2019:07:04 15:{person[1:]}:0{second + 1}"
            picture.save(path("camera", f"DSC_{person}{second}.jpg"), quality=90, exif=exif)


def main():
    with tempfile.TemporaryDirectory() as work:
        photos = os.path.join(work, "photos")
        make(OPTIONS.faces, photos)
        for folder, _, names in os.walk(photos):
            for name in names:
                os.utime(os.path.join(folder, name), (1562248800, 1562248800))
        page = os.path.join(work, "page.html")
        words = ["--out", os.path.join(work, "plan.json"), "--page", page, "--cache", os.path.join(work, "cache"), "--decisions", os.path.join(work, "decisions")]
        subprocess.run([OPTIONS.gallerist, "dedup", "plan", photos, *words], check=True)
        text = open(page, encoding="utf-8").read().replace(os.path.realpath(photos), "/photos").replace("</main>", ATTRIBUTION + "</main>", 1)
        with open(OPTIONS.out, "w", encoding="utf-8") as out:
            out.write(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallerist")
    parser.add_argument("faces")
    parser.add_argument("out")
    OPTIONS = parser.parse_args()
    main()
