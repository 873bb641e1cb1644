// Package pyre matches regular expressions of Python's re module (the dialect
// of Python 3.11, str patterns) against UTF-8 bytes. It finds the same matches
// with the same captures, and refuses what Python refuses in Python's words.
//
// It hides how that dialect differs from the engines that Go has: the leftmost
// match is chosen by backtracking priority, not by length; there are
// look-around, conditionals, back-references, lazy and possessive repeats and
// atomic groups; \w, \d, \s, \b and case follow Python's idea of Unicode;
// {,n} is a repeat; $ matches before a newline that ends the text.
//
// # Use
//
//	re, err := pyre.Compile(`^(?P<user>\w+) from (?P<ip>[\d.]+)$`, 0)
//	caps, found, err := re.Search(nil, line, 0, len(line))
//	if found {
//		i := 2 * re.GroupIndex("ip")
//		ip := line[caps[i]:caps[i+1]]
//	}
//
// A Regexp is safe for concurrent use. Search allocates nothing if it gets the
// caps of an earlier search back; SearchWith works in memory that the caller
// keeps. Patterns and texts are UTF-8, and all offsets in texts are bytes;
// offsets in the errors for patterns are characters, as Python's.
//
// # Time
//
// A pattern is compiled into a graph over bytes that is walked with
// backtracking, which is fast on short texts. No text makes it slow: a search
// counts its steps, and where they grow beyond a few for each byte it begins
// to keep a table of the places in pattern and text that lead nowhere, and
// tries none of them twice. That takes time linear in the text for patterns
// without back-references and counted loops of many rounds. What is left is
// cut off by a second budget with ErrBudget: the answer is then unknown.
//
// # Facts about a pattern
//
// Literals, FirstBytes and Anchored tell what every match must have, so that
// callers can rule out texts before they search them. Exponential and
// WildBefore tell what is risky in a pattern.
//
// # Differences from Python
//
//   - Python 3.11 before 3.11.5 goes wrong in possessive repeats of groups:
//     where a round fails, the place it had reached and the groups it had set
//     remain (CPython issue 106052). Here such a repeat means what Python's
//     documentation says.
//   - Python does not find a capital letter beyond U+FFFF that stands in a set
//     under IGNORECASE, nor its small letter. Here both are found.
//   - Python's search may miss a match that begins with a class under (?a:...),
//     since it looks for its first character without that flag. Here it is found.
//   - A condition may stand in the very group that it asks for. Python then
//     takes that group for set if it came to its end on a way since given up.
//     Here a group that is still open is set by an earlier round only.
//   - Brackets may be nested 500 deep; Python's limit depends on its stack.
//   - Locale flags and bytes patterns do not exist; \N{...} knows the names of
//     characters and the aliases of control characters.
package pyre
