// Package check is the verb `f2b-go check`: it reads what a start would read and
// tells all faults at once, each with file, line and remedy, where fail2ban stops
// at the first.
//
// It hides what a fault looks like in each part of a configuration: syntax, names
// that nothing knows, regexes, date patterns, logs, the programs that actions
// call, firewall chains, values nobody filled in, and files that others may read
// or change.
package check
