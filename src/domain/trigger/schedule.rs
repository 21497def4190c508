//! When a trigger fires by itself.
