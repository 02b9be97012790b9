"""The practice ground: the vendors on loopback, stateful and strict, with planted truth and faults on demand."""
