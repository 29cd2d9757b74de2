package postgres

import (
	"strings"
	"testing"
)

// What a run puts aside is told to be of its database, and of no other on a server that nodes share.
func TestMadeOf(t *testing.T) {
	long := strings.Repeat("participant_of_a_long_name_", 3)
	for _, database := range []string{"participant_0", "cantonnet_sv", long, "x"} {
		for _, run := range []string{"r-1", "20260310-120000-ab12cd", "RUN"} {
			for _, name := range []string{NewName(database, run), OldName(database, run)} {
				if !MadeOf(name, database) {
					t.Errorf("%s is not taken for one made of %s", name, database)
				}
				for _, other := range []string{"participant_1", "cantonnet_scan", "y", long + "2"} {
					if MadeOf(name, other) {
						t.Errorf("%s is taken for one made of %s", name, other)
					}
				}
			}
		}
	}
	if MadeOf("participant_0", "participant_0") {
		t.Error("a database is taken for one that a run made of it")
	}
}
