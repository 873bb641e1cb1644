// Package firewall is the base firewall of a phone server, after the scripts of
// 2011 that this project began with: a few sites may do everything, some may do
// nothing, everybody may place calls, but not many at a time.
//
// So far it hides two things: how the lists of sites are written (Sites), and
// which chains make such a firewall and in which order (Plan). Both decide and
// do nothing: what they return is for others to load.
package firewall
