//! Real models, bodies of every kind, applications, other programs.
