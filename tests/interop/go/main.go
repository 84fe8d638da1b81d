// A member's client in Go: it stands on the contract and docs/wire-format.md alone.
//
//	interop vectors FOLDER                        checks protos/vectors
//	interop job LENDER OTHER AGENT REPORT         runs the main job against a bureau
//	interop verify PROFILE REPORT                 verifies a saved report
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 2 && words[0] == "vectors":
		return checkVectors(words[1])
	case len(words) == 5 && words[0] == "job":
		return runJob(words[1], words[2], words[3], words[4])
	case len(words) == 3 && words[0] == "verify":
		return verifyFile(words[1], words[2])
	}
	return fmt.Errorf("say vectors FOLDER, job LENDER OTHER AGENT REPORT, or verify PROFILE REPORT")
}
