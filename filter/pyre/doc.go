// Package pyre matches regular expressions of Python's re module (3.11)
// against UTF-8 bytes. It hides how that dialect differs from every engine
// that Go has: leftmost match by backtracking priority, look-around,
// conditionals, back-references, atomic groups, Unicode classes as Python
// counts them, and Python's error messages.
package pyre
