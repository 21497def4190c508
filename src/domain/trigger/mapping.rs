//! From a request to the values that an event tells.
