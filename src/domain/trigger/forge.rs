//! What a forge says of a push or a pull request.
