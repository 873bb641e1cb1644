package firewallcmd

import (
	"context"
	"fmt"
	"os"

	"f2b-go/firewall"
)

// faultJSON is one fault in --json of check.
type faultJSON struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy"`
}

// check reads all that a start would read and tells what is wrong.
func (p *program) check(ctx context.Context) int {
	var k *firewall.Kernel
	s, _, err := firewall.ReadSettings(p.opt.config, !p.opt.given)
	if err == nil && os.Geteuid() == 0 {
		k, err = p.open(s, firewall.State{})
	}
	var prepared *firewall.Prepared
	if err == nil {
		prepared, err = p.read(ctx, k)
	}
	if err == nil && k != nil && !prepared.Blocked() {
		err = k.Neighbours(ctx, prepared)
	}
	if err != nil {
		p.complain(err)
		return exitFaults
	}
	if err := p.verdict(prepared, k != nil); err != nil {
		p.complain(err)
		return exitFaults
	}
	if len(prepared.Faults()) > 0 {
		return exitFaults
	}
	return exitDone
}

// verdict prints the problems and a summary.
func (p *program) verdict(prepared *firewall.Prepared, asked bool) error {
	faults := len(prepared.Faults())
	warnings := len(prepared.Problems) - faults
	if p.opt.asJSON {
		for _, q := range prepared.Problems {
			f := faultJSON{q.File, q.Line, "error", q.Text, q.Remedy}
			if q.Warning {
				f.Severity = "warning"
			}
			if err := p.printJSON(f); err != nil {
				return err
			}
		}
		return p.printJSON(map[string]any{"summary": map[string]any{
			"errors": faults, "warnings": warnings, "allowed": len(prepared.Lists.Allow), "blocked": len(prepared.Lists.Block),
			"services": prepared.Services, "kernel_asked": asked,
		}})
	}
	p.tell(p.out, prepared.Problems)
	p.say("%s, %s; %s, %d blocked", number(faults, "error"), number(warnings, "warning"),
		number(len(prepared.Lists.Allow), "allowed site"), len(prepared.Lists.Block))
	for _, s := range prepared.Services {
		if s.Access != firewall.ForAllowed || s.Source != "default" {
			p.say("  %-10s %-8s %s (%s)", s.Name, s.Access, s.Shown, s.Source)
		}
	}
	if !asked {
		fmt.Fprintln(p.errs, "not checked: what the kernel can do, which takes root")
	}
	return nil
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
