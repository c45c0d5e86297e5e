"""How large the fields of a listing may be; what is larger is set aside with its reason.

Nothing is cut silently: a title of 10 MB is a fault of the source, and half of it is no better title.
"""

MAX_ID_CHARS = 200
MAX_TITLE_CHARS = 1_000
MAX_DESCRIPTION_CHARS = 50_000
MAX_NAME_CHARS = 500  # of a seller

MAX_TAGS = 100
MAX_TAG_CHARS = 200
MAX_CATEGORY_DEPTH = 20
MAX_CATEGORY_CHARS = 200  # of one level
MAX_IMAGES = 50
MAX_IMAGE_CHARS = 2_000

MAX_ATTRIBUTES = 250  # electronics data sheets reach 184
MAX_ATTRIBUTE_NAME_CHARS = 200
MAX_VALUES = 50  # of one attribute
MAX_VALUE_CHARS = 10_000  # lists of supported formats reach 5,552
MAX_ATTRIBUTE_BYTES = 200_000  # names and values of one listing together

MAX_COUNT = 10**12  # quantity, ratings, sales, favourites
MAX_RATING = 5.0
MAX_POSITION = 1_000_000  # of an item on a page
MAX_QUERY_CHARS = 512

MAX_ROW_BYTES = 16 * 2**20  # of one line of a file; a longer one is set aside unread
