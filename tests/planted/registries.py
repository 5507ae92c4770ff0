"""Bugs of what registries are asked: whom, with which password, and which of their tags is believed to be near."""

from __future__ import annotations

from tests.planted.bug import Bug

HOSTILE = "tests/integration/registries/test_hostile.py"
ECR = "tests/integration/registries/test_ecr.py"
TAGS = "tests/unit/domain/test_tags.py"
IMAGE = "tests/unit/domain/test_image.py"
FINDING = "tests/unit/findings/test_image_pull.py"

OCI_PY = "bot/integrations/oci.py"
TAGS_PY = "bot/domain/tags.py"

BUGS = (
    Bug(
        name="token-from-anywhere",
        why="Whoever answers in a registry's place has the password sent to an address of their own.",
        file="bot/integrations/challenge.py",
        old="    if at not in listed:\n",
        new="    if not listed:\n",
        tests=(HOSTILE,),
    ),
    Bug(
        name="next-page-anywhere",
        why="A page names the next one at another address, and the bot asks that, inside the network too.",
        file=OCI_PY,
        old="    return dict(parse_qsl(urlsplit(found[1]).query)) or None if found else None\n",
        new='    return {**dict(parse_qsl(urlsplit(found[1]).query)), "at": found[1]} if found else None\n',
        tests=(HOSTILE,),
    ),
    Bug(
        name="blob-with-another-content",
        why="Whoever keeps the blobs chooses how old an image looks.",
        file=OCI_PY,
        old="hashlib.new(algorithm, reply.body).hexdigest() != value:",
        new="not hashlib.new(algorithm, reply.body).hexdigest() or not value:",
        tests=(HOSTILE,),
    ),
    Bug(
        name="every-host-is-asked",
        why="A workload whose image is called 169.254.169.254/x makes the bot ask the cloud for its credentials.",
        file="bot/integrations/registries.py",
        old="        found = self._each.get(host)\n",
        new="        found = self._each.get(host) or OciRegistry(RegistrySetting(host, insecure=True))\n",
        tests=(HOSTILE,),
    ),
    Bug(
        name="first-page-of-ecr",
        why="Of a repository with many tags the first thousand alone are seen, and an old one is called the nearest.",
        file="bot/integrations/ecr.py",
        old='        found = [row["imageTag"] for page in pages for row',
        new='        found = [row["imageTag"] for page in [next(iter(pages))] for row',
        tests=(ECR,),
    ),
    Bug(
        name="nearest-is-not-stable",
        why="A release candidate is proposed in place of a release.",
        file=TAGS_PY,
        old="    stable = [one for one in known if not one.unstable]\n",
        new="    stable = list(known)\n",
        tests=(TAGS,),
    ),
    Bug(
        name="nearest-of-another-variant",
        why="An image with another system inside is proposed, which starts and then fails.",
        file=TAGS_PY,
        old="        [one for one in known if one.family == wanted.family],\n",
        new="        list(known),\n",
        tests=(TAGS,),
    ),
    Bug(
        name="pushed-since-and-set-back",
        why="The tag is there by now and the pods would start, and a person is told to roll back.",
        file="bot/findings/image_pull.py",
        old="    if (kind and kind not in BY_THE_NAME) or published.there_now(kind, row):\n",
        new="    if kind and kind not in BY_THE_NAME:\n",
        tests=(FINDING,),
    ),
    Bug(
        name="names-read-as-the-error",
        why="A port or a tag with 503 in it is called a registry that doesn't answer, and the missing tag isn't told.",
        file="bot/findings/image_pull.py",
        old='    said = _NAMES.sub("", message.replace(wrong, "") if wrong else message)\n',
        new="    said = message\n",
        tests=(FINDING,),
    ),
    Bug(
        name="path-that-climbs",
        why="A part of a repository may be two dots, and the question goes to another path of the registry.",
        file="bot/domain/image.py",
        old='_COMPONENT = r"[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*"\n',
        new='_COMPONENT = r"[a-z0-9._-]+"\n',
        tests=(IMAGE,),
    ),
)
