package doctor

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	e := well()
	e.Clock.Skew = time.Hour
	e.Users.Since = 2
	text := string(Judge(e, now).Metrics(now))
	for _, want := range []string{
		`svrescue_doctor_condition{id="clock",verdict="violated",counts="true"} 1`, `svrescue_doctor_condition{id="clock",verdict="holds",counts="true"} 0`,
		`svrescue_doctor_condition{id="users-since-backup",verdict="violated",counts="false"} 1`, `svrescue_doctor_condition{id="disk",verdict="holds",counts="true"} 1`,
		"svrescue_doctor_exit_code 3", "svrescue_doctor_runway_seconds 2588400", "svrescue_doctor_evaluated_timestamp_seconds 1795316400",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	line := regexp.MustCompile(`^(# (HELP|TYPE) svrescue_doctor_[a-z_]+ .+|svrescue_doctor_[a-z_]+(\{([a-z]+="[a-z-]+",?)+\})? \d+)$`)
	types := map[string]bool{}
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if !line.MatchString(l) {
			t.Errorf("%q is no line of the format", l)
		}
		if strings.HasPrefix(l, "# TYPE") {
			if types[l] {
				t.Errorf("%q stands there twice", l)
			}
			types[l] = true
		}
	}
	if unknown := string(Judge(Evidence{}, now).Metrics(now)); strings.Contains(unknown, "runway") || !strings.Contains(unknown, "exit_code 6\n") {
		t.Errorf("what is not known has a number:\n%s", unknown)
	}
}
