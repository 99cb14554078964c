package interpret

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, which people review.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSpace(want)), string(bytes.TrimSpace(got))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// command runs the command in the folder of the test data.
func command(args string) ([]byte, error) {
	var out bytes.Buffer
	cmd := Command()
	cmd.SetArgs(strings.Fields(strings.ReplaceAll(args, "@", "testdata/")))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.Execute()
	return out.Bytes(), err
}

func TestInterpret(t *testing.T) {
	for name, test := range map[string]struct{ args, err string }{
		"everything": {"-f @customization.yaml --desired-file @fleet.yaml --observed-file @member.yaml --status-file @items.yaml --desired-replica 7", ""},
		"observed":   {"-f @customization.yaml --observed-file @member.yaml", ""},
		"one":        {"-f @customization.yaml --operation Retain --desired-file @fleet.yaml --observed-file @member.yaml", ""},
		"built-in":   {"--desired-file @deployment.yaml --desired-replica 0", ""},
		"bundled":    {"--observed-file @cloneset.yaml --desired-replica 4", ""},
		"failing":    {"-f @failing.yaml --desired-file @fleet.yaml --desired-replica 1", "something is wrong with the scripts: 3 of 3 gave no answer"},
		"check":      {"-f @customization.yaml --check", ""},
		"check-bad":  {"-f @wrong.yaml --check", "something is wrong with the scripts: 4 found"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := command(test.args)
			if err == nil && test.err != "" || err != nil && err.Error() != test.err {
				t.Errorf("want %q, have %v", test.err, err)
			}
			golden(t, name, out)
		})
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for args, want := range map[string]string{
		"-f @customization.yaml": "name the object with --desired-file or --observed-file",
		"--check":                "name a customization with -f",
		"-f @nothing.yaml":       "-f testdata/nothing.yaml: open",
		"-f @fleet.yaml --check": "-f testdata/fleet.yaml: ",
		"--operation Guess":      `there is no operation "Guess"; there are InterpretReplica`,
		"-f @customization.yaml --operation Retain --desired-file @fleet.yaml":                "Retain needs --observed-file",
		"-f @customization.yaml --operation ReviseReplica --desired-file @fleet.yaml":         "ReviseReplica needs --desired-replica",
		"-f @customization.yaml --operation AggregateStatus --desired-file @fleet.yaml":       "AggregateStatus needs --status-file",
		"--operation InterpretHealth --desired-file @fleet.yaml":                              "nobody answers InterpretHealth for example.io/v1, Kind=Fleet",
		"--desired-file @fleet.yaml":                                                          "nobody answers anything for example.io/v1, Kind=Fleet",
		"--desired-file @items.yaml":                                                          "holds 2 objects, one is needed",
		"-f @wrong.yaml --desired-file @fleet.yaml":                                           "younger: younger/replicaRevision:2: syntax error near '='",
		"-f @customization.yaml --desired-file @fleet.yaml --status-file @customization.yaml": "--status-file: testdata/customization.yaml: ",
	} {
		if _, err := command(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, have %v", args, want, err)
		}
	}
}
