package pyre_test

import (
	"errors"
	"fmt"

	"f2b-go/filter/pyre"
)

func ExampleCompile() {
	re, err := pyre.Compile(`^(?i:failed) login for (?P<user>\S+|.*?) from (?P<ip>[\d.]+)$`, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	line := []byte("Failed login for no body from 192.0.2.1\n")
	caps, found, err := re.Search(nil, line, 0, len(line))
	if err != nil || !found {
		return
	}
	for i, name := range re.GroupNames() {
		if name != "" {
			fmt.Printf("%s: %s\n", name, line[caps[2*i]:caps[2*i+1]])
		}
	}
	// Output:
	// user: no body
	// ip: 192.0.2.1
}

func ExampleError() {
	_, err := pyre.Compile(`from (?P<ip>\S+) to (?P<ip>\S+)`, 0)
	fmt.Println(err)
	var e *pyre.Error
	if errors.As(err, &e) {
		fmt.Println(e.Pattern)
		fmt.Printf("%*s\n", e.Pos+1, "^")
	}
	// Output:
	// redefinition of group name 'ip' as group 2; was group 1 at position 24
	// from (?P<ip>\S+) to (?P<ip>\S+)
	//                         ^
}

func ExampleRegexp_Literals() {
	re, err := pyre.Compile(`(?:Failed|Invalid) (?:user|password) \S+ from`, 0)
	if err != nil {
		return
	}
	for _, set := range re.Literals() {
		fmt.Printf("%q\n", set)
	}
	// Output:
	// ["Failed" "Invalid"]
	// [" "]
	// ["user" "password"]
	// [" "]
	// [" from"]
}

func ExampleRegexp_Exponential() {
	re, err := pyre.Compile(`^Disconnected(?:: (?:[^(]+))* \(`, 0)
	if err != nil {
		return
	}
	if at, ok := re.Exponential(); ok {
		fmt.Println("repeats what repeats:", re.String()[at:])
	}
	// Output:
	// repeats what repeats: : (?:[^(]+))* \(
}
