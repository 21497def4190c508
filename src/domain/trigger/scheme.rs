//! Whether a request that fires a trigger comes from where it should.
