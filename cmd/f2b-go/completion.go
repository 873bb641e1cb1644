package main

import (
	"fmt"
	"io"
	"strings"
)

// completions are scripts for shells; %[1]s is the list of verbs.
var completions = map[string]string{
	"bash": `_f2b_go() {
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "%[1]s" -- "${COMP_WORDS[1]}"))
	else
		COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
	fi
}
complete -F _f2b_go f2b-go
`,
	"zsh": `#compdef f2b-go
if (( CURRENT == 2 )); then
	compadd -- %[1]s
else
	_files
fi
`,
	"fish": `complete -c f2b-go -n __fish_use_subcommand -f -a "%[1]s"
`,
}

func complete(args []string, out, errs io.Writer) int {
	if len(args) == 1 {
		if script, ok := completions[args[0]]; ok {
			names := make([]string, len(verbs))
			for i, v := range verbs {
				names[i] = v.name
			}
			fmt.Fprintf(out, script, strings.Join(names, " "))
			return exitDone
		}
	}
	fmt.Fprintln(errs, "Usage: f2b-go completion bash|zsh|fish")
	return exitBadUse
}
