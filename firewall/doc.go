// Package firewall is the base firewall of a phone server, after the scripts of
// 2011 that this project began with: a few sites may do everything, some may do
// nothing, everybody may place calls, but not many at a time.
//
// It hides three things. How it is written: the lists of sites (SiteReader), the
// configuration (ReadSettings), Asterisk's own files (AsteriskPorts); Prepare reads
// them all. Which chains, rules and sets make such a firewall and in which order
// (Plan), as data. And how these get into the kernel and what is seen there
// (Kernel): one operation, Apply, loads, removes and goes back.
//
// Beyond that it keeps what a load must remember (Dirs), and serves the engine:
// who is allowed (ReadAllowed), and phones that have registered (Register).
package firewall
