"""lookalikes.py PHOTOS OUT [--seed S]: writes pictures that resemble each other and are no copies, and copies of other kinds than collection.py makes.

PHOTOS has a folder of photos for each person. Every look-alike is a group of its own: chats with other texts, forms with other handwriting, charts
that differ in a bar, invoices that differ in numbers, tickets with other codes, scrolled text, night skies, a moon, black frames with noise,
gradients, uniform pictures, pictures of 1 to 16 pixels, animations with the same first picture, other alpha, panoramas of 20:1. The constants
of the comparison were not fitted to the kinds of copies. copies.py reads the result.
"""

import argparse
import os
import random

import numpy as np
from collection import Collection
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

WORDS = "meet tomorrow station eight call mother ticket train late okay thanks photo dinner where home soon yes no maybe later bring milk key door rain sun".split()


def font(size):
    return ImageFont.load_default(size=size)


def picture(values):
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def sheet(size, colour="white"):
    page = Image.new("RGB", size, colour)
    return page, ImageDraw.Draw(page)


def words(rng, count):
    return " ".join(rng.choices(WORDS, k=count))


def chat(layout, texts):
    page, draw = sheet((540, 1170), (236, 229, 221))
    draw.rectangle((0, 0, 540, 90), fill=(7, 94, 84))
    draw.ellipse((20, 20, 70, 70), fill=(200, 200, 200))
    draw.rounded_rectangle((20, 1095, 440, 1155), 30, fill="white")
    for line, ((mine, width), text) in enumerate(zip(layout, texts)):
        x, y = (520 - width if mine else 20), 110 + 80 * line
        draw.rounded_rectangle((x, y, x + width, y + 62), 12, fill=(220, 248, 198) if mine else "white")
        draw.text((x + 14, y + 16), text, fill="black", font=font(20))
    return page


def form(rng, generator):
    page, draw = sheet((1000, 1414))
    draw.text((80, 60), "APPLICATION FORM 27-B", fill="black", font=font(44))
    for field in range(10):
        y, x = 180 + field * 115, 260
        draw.rectangle((240, y - 15, 920, y + 60), outline="black", width=2)
        while x < 800 and rng.random() < 0.85:
            points = [(x + 7 * step, y + 22 + rng.gauss(0, 13)) for step in range(rng.randint(4, 14))]
            draw.line(points, fill=(40, 40, 40), width=4, joint="curve")
            x = points[-1][0] + 25
    noisy = picture(np.asarray(page, np.float32) + generator.normal(0, 4, (1414, 1000, 1)))
    return noisy.rotate(generator.uniform(-0.3, 0.3), fillcolor="white")


def chart(values):
    page, draw = sheet((800, 500))
    draw.text((300, 15), "Sales by month", fill="black", font=font(22))
    for line in range(6):
        draw.line((60, 60 + 76 * line, 780, 60 + 76 * line), fill=(220, 220, 220))
    for bar, value in enumerate(values):
        draw.rectangle((80 + bar * 58, 440 - 3.8 * value, 120 + bar * 58, 440), fill=(70, 110, 190))
        draw.text((84 + bar * 58, 450), f"M{bar + 1}", fill="black", font=font(14))
    return page


def invoice(number, total, lines):
    page, draw = sheet((827, 1169))
    draw.rectangle((60, 50, 240, 120), fill=(30, 60, 120))
    draw.text((520, 60), f"Invoice {number}", fill="black", font=font(26))
    draw.text((520, 100), f"Date 2024-0{number % 9 + 1}-1{number % 7}", fill="black", font=font(18))
    for line, text in enumerate(lines):
        draw.text((70, 250 + 40 * line), text, fill="black", font=font(18))
        draw.line((60, 280 + 40 * line, 770, 280 + 40 * line), fill=(210, 210, 210))
    draw.text((520, 900), f"Total {total}.00", fill="black", font=font(24))
    return page


def ticket(generator):
    page, draw = sheet((600, 900))
    draw.text((60, 50), "Concert in the park", fill="black", font=font(40))
    code = picture(generator.integers(0, 2, (33, 33)) * 255).resize((396, 396), Image.NEAREST)
    page.paste(code, (102, 260))
    draw.rectangle((60, 700, 540, 860), fill=(200, 60, 60))
    return page


def text(lines):
    page, draw = sheet((800, 600), (30, 30, 30))
    for line, words_of_line in enumerate(lines):
        draw.text((20, 8 + 22 * line), words_of_line, fill=(200, 220, 200), font=font(16))
    return page


def night(generator):
    values = generator.normal(8, 2, (800, 1200, 3))
    for _ in range(generator.integers(20, 400)):
        x, y = generator.integers(3, 1197), generator.integers(3, 797)
        values[y - 1 : y + 2, x - 1 : x + 2] += generator.uniform(40, 245) * np.array([[0.2, 0.5, 0.2], [0.5, 1, 0.5], [0.2, 0.5, 0.2]])[..., None]
    return picture(values)


def moon(generator):
    x, y, radius = generator.integers(100, 1100), generator.integers(100, 700), generator.integers(15, 50)
    down, across = np.mgrid[:800, :1200]
    return picture(np.where((across - x) ** 2 + (down - y) ** 2 < radius**2, 230, generator.normal(6, 2, (800, 1200))))


def gradient(generator):
    down, across = np.mgrid[:480, :640] / 480
    angle = generator.uniform(0, 6.28)
    grey = 128 + generator.uniform(10, 80) * (np.cos(angle) * (across - 0.66) + np.sin(angle) * (down - 0.5))
    return picture(grey[..., None] * generator.uniform(0.7, 1.2, 3))


def panorama(generator):
    values = np.linspace(210, 150, 200)[:, None, None] * np.ones((200, 4000, 3)) * [0.8, 0.9, 1.1]
    x = 0
    while x < 4000:
        width, height = generator.integers(20, 90), generator.integers(30, 120)
        values[200 - height :, x : x + width] = generator.uniform(40, 130, 3)
        x += width
    return picture(values + generator.normal(0, 2, values.shape))


def looks_alike(add, rng, generator, photo):
    layout = [(rng.random() < 0.5, rng.randint(180, 420)) for _ in range(12)]
    message = lambda at: words(rng, max(1, layout[at][1] // 85))
    base = [message(at) for at in range(12)]
    for _ in range(20):
        add(chat(layout, [message(at) for at in range(12)]), "chat")
    for at in range(12):
        add(chat(layout, base[:at] + [message(at)] + base[at + 1 :]), "chat, one message")
    values = [rng.randint(20, 95) for _ in range(12)]
    for at in range(12):
        add(chart([value + (-12 if value > 50 else 12) * (at == other) for other, value in enumerate(values)]), "chart, one bar")
    lines = [f"{rng.randint(1, 9)} x {words(rng, 4)}" for _ in range(14)]
    all_lines = [words(rng, rng.randint(3, 12)) for _ in range(80)]
    for number in range(20):
        add(form(rng, generator), "form, handwriting", "jpg")
        add(invoice(1000 + 37 * number, rng.randint(100, 9999), lines), "invoice, numbers")
        add(ticket(generator), "ticket, code")
        add(text(all_lines[2 * number :][:26]), "scrolled text")
        add(night(generator), "night sky", "jpg")
        add(moon(generator), "moon", "jpg")
        add(picture(generator.normal(rng.choice([2, 5, 9]), 2.5, (600, 900, 3))), "black frame", "jpg")
        add(gradient(generator), "gradient")
        add(panorama(generator), "panorama", "jpg")
        add(Image.new("RGB", (300, 200), tuple(generator.integers(0, 256, 3).tolist())), "uniform")
        add(Image.new("RGB", (300, 200), (118 + number,) * 3), "uniform, near")
    for side in range(1, 17):
        for _ in range(3):
            add(picture(generator.integers(0, 256, (side, side, 3))), "tiny")
    for number in range(6):
        for format in ("gif", "webp", "png", "tiff"):
            frames = [photo.rotate(20 * (number + 1) * frame) for frame in (1, 2)]
            add(photo, "animation", format, save_all=True, append_images=frames)
        white, mask = Image.new("RGB", (256, 256), "white"), Image.new("L", (256, 256), 0)
        ImageDraw.Draw(mask).ellipse((20 + 20 * number, 40, 120 + 20 * number, 180), fill=255)
        white.putalpha(mask)
        add(white, "white with alpha")
        holed, mask = photo.copy(), Image.new("L", photo.size, 255)
        ImageDraw.Draw(mask).rectangle((25 * number, 60, 25 * number + 90, 150), fill=0)
        holed.putalpha(mask)
        add(holed, "photo with a hole")


def marked(photo):
    layer = Image.new("RGBA", photo.size, (0, 0, 0, 0))
    width, height = photo.size
    ImageDraw.Draw(layer).text((width * 0.66, height * 0.9), "(c) Studio", fill=(255, 255, 255, 150), font=font(max(10, width // 16)))
    return Image.alpha_composite(photo.convert("RGBA"), layer).convert("RGB")


def cropped(photo, side):
    width, height = photo.size
    x, y = round(0.08 * width), round(0.08 * height)
    boxes = [(x // 2, y // 2, width - x // 2, height - y // 2), (x, 0, width, height), (0, y, width, height), (0, 0, width - x, height), (0, 0, width, height - y)]
    return photo.crop(boxes[side % 5])


def bordered(photo, side):
    border = [0] * 4
    border[side % 4] = round(0.08 * photo.size[side % 2])
    return ImageOps.expand(photo, tuple(border), fill="white" if side % 3 else "black")


def small(photo, side):
    photo = photo.copy()
    photo.thumbnail((side, side))
    return photo


def copies(save, photo, number):
    grey = photo.convert("L")
    save(photo, "original", "png")
    save(photo, "jpeg 90", quality=90)
    save(photo, "webp 80", "webp", quality=80)
    save(photo, "webp 30", "webp", quality=30)
    save(small(photo, 160), "160 pixels")
    save(cropped(photo, number), "crop of 8 %")
    save(small(cropped(photo, number + 1), 200), "crop, 200 pixels", quality=60)
    save(bordered(photo, number), "border at one side")
    save(marked(photo), "mark in a corner")
    save(grey, "black and white")
    save(ImageOps.autocontrast(grey, 2), "black and white, contrast")
    save(photo.point(lambda value: min(255, int(value * 1.3))), "brightness +30 %")
    save(photo.point(lambda value: int(value * 0.7)), "brightness -30 %")
    save(ImageEnhance.Contrast(photo).enhance(1.3), "contrast +30 %")
    save(photo.filter(ImageFilter.UnsharpMask(2, 120)), "sharpened")


def main():
    rng, generator = random.Random(OPTIONS.seed), np.random.default_rng(OPTIONS.seed)
    people = sorted(entry.path for entry in os.scandir(OPTIONS.photos) if entry.is_dir())
    photos = [os.path.join(person, sorted(os.listdir(person))[0]) for person in rng.sample(people, min(100, len(people)))]
    photos = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in photos]
    collection = Collection(OPTIONS.out)

    def add(made, kind, format="png", **more):
        number = len(collection.lines)
        made.save(collection.path(f"alike/{number}.{format}", f"a{number}", kind), **more)

    looks_alike(add, rng, generator, photos[0])
    for number, photo in enumerate(photos[1:]):

        def save(made, kind, format="jpg", **more):
            made.save(collection.path(f"p{number}/{kind}.{format}", f"p{number}", kind), **more)

        copies(save, photo, number)
    with open(os.path.join(OPTIONS.out, "manifest.tsv"), "w") as manifest:
        manifest.writelines(collection.lines)
    print(len(collection.lines), "pictures")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=7)
    OPTIONS = parser.parse_args()
    main()
