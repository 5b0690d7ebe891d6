"""Where the bytes of an image are: directories, archives, streams. Nothing here knows images."""
