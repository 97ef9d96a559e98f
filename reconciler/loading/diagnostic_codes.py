"""Mistakes in elmify.yaml and in the catalog, with their stable codes.

The table has every mistake that a person can make there. `docs/diagnostics.md` shows it. A code
is never reused for another mistake.
"""

from dataclasses import dataclass
from enum import Enum

from reconciler.model.diagnostics import Diagnostic, Position, Severity


@dataclass(frozen=True, slots=True)
class _Entry:
    code: str
    summary: str  # one clause, without names the user chose
    meaning: str
    example: str
    remedy: str
    severity: Severity = Severity.ERROR


class Mistake(Enum):
    """A mistake that a person can make, with its stable code.

    `code`, `summary`, `meaning`, `example` and `remedy` are also used in the documentation.
    """

    # elmify.yaml and the environment
    NO_SETTINGS = _Entry(
        "EL001",
        "there are no settings",
        "`elmify.yaml` is missing or cannot be read. The folder that holds it is the project.",
        "`elmify plan` in a folder outside every project",
        "Go to the project's folder, or make a project with `elmify init`.",
    )
    SECRET_IN_FILE = _Entry(
        "EL002",
        "a secret stands in a file",
        "Credentials come from environment variables only: elmify.yaml is in git. The value is not shown.",
        "`secret_access_key: …`, or a URL with a password, in elmify.yaml",
        "Delete it, change the secret, which git remembers, and set the environment variable.",
    )
    BAD_SETTING = _Entry(
        "EL003",
        "a setting cannot be used",
        "The value has the right type but not a form or a size that elmify can work with.",
        "`retention: 12h`: nothing may be deleted in under 24 hours",
        "Write a value as the message says.",
    )
    BAD_TEMPLATE = _Entry(
        "EL004",
        "a key template cannot be used",
        "A template under `keys:` or `playback:` is not valid Jinja2, reaches for what a key is not made of, "
        "or gives a key that no object may have.",
        '`lecture_audio: "{{ lecture.titel }}.{{ ext }}"`',
        "Use the names speaker, collection, lecture and ext, and the filters pad, lower, upper, trim, "
        "default.",
    )
    BAD_VARIABLE = _Entry(
        "EL005",
        "an environment variable cannot be used",
        "A variable is set, but empty or not in the form it must have. Its value is not shown.",
        "`DATABASE_URL=mysql://…`",
        "Correct it, or unset it.",
    )
    HALF_SET_STORE = _Entry(
        "EL006",
        "a store is only half set up",
        "Some of the variables of the bucket or the database are set and others are missing. elmify "
        "never falls "
        "back to the embedded store then.",
        "`R2_BUCKET_NAME` is set and `R2_SECRET_ACCESS_KEY` is not",
        "Set the missing ones, or unset all of them to use the embedded store.",
    )
    MIXED_STORES = _Entry(
        "EL007",
        "one store is embedded and the other is not",
        "Rows in a real database would point to objects in a folder on this machine, or the other way round.",
        "`DATABASE_URL` is set, no R2 variable is, and elmify.yaml names no store",
        "Set the other store's variables too, or say in elmify.yaml that it is meant: `objects: {store: "
        "directory}` or `database: {store: embedded}`.",
    )
    NO_BASE_URL = _Entry(
        "EL008",
        "a column wants a URL and there is no base URL",
        "A column of images is to hold public URLs, which begin with `public_base_url`.",
        "`columns: {image_url: url}` without `public_base_url`",
        "Set `public_base_url`, or let the column hold the key.",
    )
    NO_STORE_NAMED = _Entry(
        "EL009",
        "a real environment names no store",
        "A store that no variable and no word in elmify.yaml names is an embedded one, empty at first. In an "
        "environment called `prod`, `production`, `live` or `staging` that is a forgotten variable: all "
        "would look well, on an empty library.",
        "`environment: production`, and neither `DATABASE_URL` nor an R2 variable is set",
        "Set the variables of both stores; or, if the embedded ones are meant, write `objects: {store: "
        "directory}` and `database: {store: embedded}`.",
    )

    # the notation of any YAML file
    BROKEN_YAML = _Entry(
        "EL101",
        "the file is not valid YAML",
        "The file cannot be read beyond this place.",
        "`title: Part 2: the rest`",
        "Text that begins with one of { [ & * ! | > % @ ` or holds `: ` or ` #` needs quotes.",
    )
    DUPLICATE_KEY = _Entry(
        "EL102",
        "a key is given twice",
        "YAML would silently keep the last one.",
        "`title:` on two lines of one lecture",
        "Delete one of the two.",
    )
    UNKNOWN_KEY = _Entry(
        "EL103",
        "there is no such key",
        "A key is misspelled, or stands in an entry that has no such field.",
        "`titel: Al-Fatiha`",
        "Correct or delete it.",
    )
    WRONG_TYPE = _Entry(
        "EL104",
        "a value has the wrong type",
        "The field holds text, a number, true or false, a list or a mapping, and this is another one of "
        "them.",
        "`year: next`",
        "Write a value of that type.",
    )
    SURPRISE = _Entry(
        "EL105",
        "YAML reads this as something else",
        "Without quotes YAML takes some texts for a number, a date, a time, true, false or nothing: `no`, "
        "`22:22`, `2025-01-01`, `010`, `1_000`, `~`, `.5`.",
        "`title: 22:22` is the number 1342",
        "Put text in quotes; write numbers in plain digits.",
    )
    MISSING_FIELD = _Entry(
        "EL106",
        "a field is missing",
        "Every entry needs its id and its name or title, and a lecture its audio.",
        "a lecture without `audio:`",
        "Add it. `elmify fmt` writes missing ids.",
    )
    NULL = _Entry(
        "EL107",
        "a field cannot be cleared",
        "`null` clears a value in the database; this field must always have one. A colon with nothing "
        "behind it "
        "is not taken for `null`: it is too easily an accident.",
        "`title: null`, or `bio:` with nothing behind it",
        "Write a value, or delete the line: a field that is left out keeps its live value.",
    )
    NOT_ALLOWED = _Entry(
        "EL108",
        "a value is out of bounds",
        "The value has the right type but is not one of those that this field may hold.",
        "`visibility: hidden`",
        "Write one of those that the message names.",
    )
    UNFIT_TEXT = _Entry(
        "EL109",
        "a text cannot be kept as it is",
        "Names and titles become parts of keys and pages: they may not be empty, or hold a line break or a "
        "control character. Paths and settings may not begin or end with a space either. Longer texts may "
        "hold line breaks.",
        "`audio: 'Al-Fatiha.mp3 '`",
        "Delete the space or the character.",
    )
    BAD_ID = _Entry(
        "EL110",
        "this is no id",
        "An id is made of lower-case letters a to z, digits, and single hyphens between them, at most 100 "
        "characters. It never changes, so that titles may.",
        "`id: Al Fatiha`",
        "Write it like `al-fatiha`.",
    )
    ALIAS = _Entry(
        "EL111",
        "anchors and aliases are not allowed",
        "A catalog says everything where it stands; a few bytes of aliases could also unfold to gigabytes.",
        "`year: *year`, `<<: *base`",
        "Write the value out, or use `defaults:`.",
    )
    TAG = _Entry(
        "EL112",
        "tags are not allowed",
        "A field's type is fixed, so `!` at the beginning of a value asks for nothing that could be given.",
        "`title: !!str 2025`",
        "Delete the tag; put the text in quotes.",
    )
    SEVERAL_DOCUMENTS = _Entry(
        "EL113",
        "the file holds more than one document",
        "Behind a line `---` or `...` another document begins, which would not be read.",
        "two collections in one file, with `---` between them",
        "Move it to a file of its own.",
    )
    TOO_LARGE = _Entry(
        "EL114",
        "the file is too large",
        "A file may have 1 MiB, 250,000 values, and 20 levels of nesting.",
        "an export of some other program, put in the catalog's folder",
        "Split the collection, or move the file out of the catalog.",
    )
    ENCODING = _Entry(
        "EL115",
        "the file is not plain UTF-8 text",
        "The file must be UTF-8 without a byte order mark, a NUL or other control characters.",
        "a file saved as UTF-16, or with an invisible character pasted into it",
        "Save it as UTF-8.",
    )
    UNREADABLE = _Entry(
        "EL116",
        "a file cannot be read",
        "The operating system refused to open the file or the folder, or it is no ordinary file.",
        "a file without the right to read it",
        "Correct its permissions, or move it out of the catalog.",
    )
    TOO_MANY = _Entry(
        "EL117",
        "the file has too many mistakes",
        "Reading stopped after the first hundred.",
        "a file of another kind",
        "Correct these first.",
    )

    # the files of the catalog
    NO_CATALOG = _Entry(
        "EL120",
        "there is no catalog",
        "The folder that elmify.yaml calls the catalog does not exist. That is not an empty catalog.",
        "`catalog: library` and no folder of that name",
        "Create the folder, or correct `catalog:` in elmify.yaml.",
    )
    NEITHER = _Entry(
        "EL121",
        "the file declares nothing",
        "A YAML file of the catalog is a mapping with `speaker:` or `collection:` at its top, and not both.",
        "an empty file, or one that begins with `lectures:`",
        "Add `speaker:` or `collection:` with its id, or move the file out of the catalog.",
    )
    NO_SPEAKER = _Entry(
        "EL122",
        "a collection has no speaker",
        "The speaker of a collection is the one whose file stands in the same folder.",
        "`quran-hafs.yaml` in a folder without `speaker.yaml`",
        "Add a file with `speaker:` to the folder, or move the collection to its speaker's folder.",
    )
    TWO_SPEAKERS = _Entry(
        "EL123",
        "a folder has two speakers",
        "Whose collections the others are would be a guess.",
        "`speaker.yaml` and `speaker (copy).yaml` in one folder",
        "Give each speaker a folder.",
    )
    LINK_OUTSIDE = _Entry(
        "EL124",
        "a link leaves its folder",
        "What is reviewed in the catalog must be what is read.",
        "`catalog/shared` is a link to `/home/shared`",
        "Copy the file to where the link is.",
    )

    # what the entries say
    DUPLICATE_ADDRESS = _Entry(
        "EL130",
        "an id is given twice",
        "Ids are unique among the speakers, the collections of a speaker, and the lectures of a collection.",
        "two lectures with `id: al-fatiha` in one collection",
        "Give one of them another id. If it was applied under the old one, add `previously:`.",
    )
    DUPLICATE_NAME = _Entry(
        "EL131",
        "a name is given twice",
        "The database identifies speakers by name, and collections and lectures by title within their "
        "parent, "
        "letter by letter: a space at the end, or another spelling in Unicode, makes another name.",
        "two collections of one speaker called `Quran`",
        "Rename one of them.",
    )
    DUPLICATE_NUMBER = _Entry(
        "EL132",
        "a number is given twice",
        "The lectures of a collection are ordered by their numbers.",
        "two lectures with `number: 7` in one collection",
        "Give one of them another number.",
    )
    DUPLICATE_FILE = _Entry(
        "EL133",
        "an audio file is used twice",
        "Two lectures of one collection would be the same recording.",
        "the same `audio:` in two lectures of a collection",
        "Correct one of the two paths, or delete one of the lectures.",
    )
    DUPLICATE_ROW = _Entry(
        "EL134",
        "a row is claimed twice",
        "A row of the database can be only one resource.",
        "`row: 412` in two lectures",
        "Delete one of the two.",
    )
    BAD_REFERENCE = _Entry(
        "EL135",
        "this names no address",
        "`previously:` and `forget:` name an id beside the entry, or below it for `forget:`, or a full "
        "address "
        "of the same kind such as `speaker/collection/lecture`.",
        "`previously: Al Fatiha`",
        "Write an id, or a full address.",
    )
    PREVIOUSLY_DECLARED = _Entry(
        "EL136",
        "an old address is still declared",
        "`previously:` says that a resource got a new address; then nothing may stand at the old one.",
        "`previously: al-fatiha` while an entry `id: al-fatiha` is still there",
        "Delete the old entry, or `previously:`.",
    )
    PREVIOUSLY_TWICE = _Entry(
        "EL137",
        "an old address is claimed twice",
        "Only one resource can continue the one that stood there.",
        "`previously: al-fatiha` in two lectures",
        "Delete one of the two.",
    )
    FORGET_DECLARED = _Entry(
        "EL138",
        "something declared is to be forgotten",
        "`forget:` lets a resource go that is no longer in the catalog.",
        "`forget: [al-fatiha]` while an entry `id: al-fatiha` is still there",
        "Delete the entry, or take it out of `forget:`.",
    )

    # media
    BAD_PATH = _Entry(
        "EL140",
        "a path does not stay in the media folder",
        "Paths are relative to the media root, with `/` between folders, and without `.` and `..`.",
        "`audio: ../private/talk.mp3`, `audio: C:\\talks\\01.mp3`",
        "Write the path from the media root.",
    )
    WRONG_MEDIA = _Entry(
        "EL144",
        "a file is of the wrong sort",
        "Audio is mp3, m4a, wav, flac, aac or ogg; an image is jpg, jpeg, png or webp.",
        "`audio: cover.jpg`",
        "Name a file of the right sort.",
    )

    # keys
    SAME_KEY = _Entry(
        "EL150",
        "two resources would have the same key",
        "The templates of elmify.yaml give both the same place in the bucket. Unicode spellings count "
        "as equal, "
        "as they do in R2.",
        "a template without the collection, and the same title in two collections",
        "Change a title or a number, or make the template tell them apart.",
    )
    BAD_KEY = _Entry(
        "EL151",
        "a resource would have an unusable key",
        "A key has at most 1,024 bytes, no empty, `.` or `..` part, no control character, and does not begin "
        "with `.elmify/`. The URL of an audio file has at most 1,024 characters, each Arabic letter "
        "being six.",
        "a title of 600 Arabic letters",
        "Shorten the title, or the template.",
    )
    NO_KEY = _Entry(
        "EL152",
        "a key template does not fit a resource",
        "The template names a field that this entry, or what it stands under, does not have.",
        "`{{ lecture.year }}` in a template, and a lecture without `year:`",
        "Add the field, or write `{{ lecture.genre | default('talks') }}` in the template.",
    )

    # worth a look
    NUMBER_GAP = _Entry(
        "EL160",
        "numbers are missing",
        "The lectures of a collection are numbered, with a gap between them.",
        "lectures 1, 2 and 4",
        "Add what is missing, or renumber. If it is meant, leave it.",
        Severity.WARNING,
    )
    NUMBER_IN_TITLE = _Entry(
        "EL161",
        "a title repeats its number",
        "The number is put in front of the title already, so it would be read twice.",
        "`number: 15` and `title: 15 Story of`",
        "Delete the number from the title.",
        Severity.WARNING,
    )
    UNUSED_MEDIA = _Entry(
        "EL162",
        "the lockfile holds files that nothing names",
        "These lines have no effect; they are left over, or an entry is missing.",
        "a lecture was deleted, its recording was not",
        "Run `elmify lock` after deleting the files, or add the entries.",
        Severity.WARNING,
    )
    NO_EFFECT = _Entry(
        "EL163",
        "a default reaches nothing",
        "No entry under these `defaults:` leaves that field out.",
        "`defaults: {genre: Tafsir}` where every lecture has its own genre",
        "Delete it.",
        Severity.WARNING,
    )
    UNTIDY_NAME = _Entry(
        "EL164",
        "a name is not as one would type it",
        "A name or a title has space at an end, or is spelled with letters and accents apart (NFD). Live "
        "rows have such names, and the catalog keeps them: apps build URLs out of them. There is one warning "
        "for each file.",
        "`title: 'Al-Fatiha '`",
        "Leave it, or tidy what was imported with `elmify import live --clean titles`, or `--clean names`.",
        Severity.WARNING,
    )

    @property
    def code(self) -> str:
        """The stable code: `EL101`."""
        return self.value.code

    def at(self, position: Position, detail: str, hint: str = "") -> Diagnostic:
        """Return the diagnostic for one such mistake.

        `hint` replaces the general remedy.
        """
        entry = self.value
        return Diagnostic(
            code=entry.code,
            summary=entry.summary,
            detail=detail,
            hint=hint or entry.remedy,
            position=position,
            severity=entry.severity,
        )
