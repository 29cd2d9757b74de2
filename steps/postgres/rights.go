package postgres

import (
	"fmt"
	"slices"
)

// Rights are what the user of a server may do, as the server says. A managed service gives nobody a superuser.
type Rights struct {
	User           string
	Super, Creates bool             // a superuser; may create databases
	Of             map[string]Right // by the name of the database; templates are left out
	// Extensions are those that the server has, and whether a user who is no superuser can install them.
	Extensions map[string]bool
}

// Right is what the user may do with one database.
type Right struct {
	Owner string
	Owns  bool // the user has the rights of the owner: it may rename, comment and drop the database
	Gives bool // the user may make a database that belongs to this owner
}

// ReadRights reads the rows of RightsOf and Extensions.
func ReadRights(rights, extensions [][]string) (Rights, error) {
	all := Rights{Of: map[string]Right{}, Extensions: map[string]bool{}}
	for _, row := range rights {
		if len(row) != 7 {
			return Rights{}, fmt.Errorf("%d columns describe a right where 7 were asked for", len(row))
		}
		all.User, all.Super, all.Creates = row[0], row[1] == "true", row[2] == "true"
		all.Of[row[3]] = Right{Owner: row[4], Owns: row[5] == "true", Gives: row[6] == "true"}
	}
	for _, row := range extensions {
		if len(row) != 2 {
			return Rights{}, fmt.Errorf("%d columns describe an extension where 2 were asked for", len(row))
		}
		all.Extensions[row[0]] = row[1] == "true"
	}
	if all.User == "" {
		return Rights{}, fmt.Errorf("the server does not say who is logged in")
	}
	return all, nil
}

// Missing says, in sentences with what would give it, which rights a user lacks to load databases of these names beside the old ones and to
// put them in their place. A database that is not there needs less: nothing of it is renamed.
func (r Rights) Missing(names []string) []string {
	if r.Super {
		return nil
	}
	var missing []string
	user := shown(r.User)
	if !r.Creates {
		missing = append(missing, fmt.Sprintf("%s may not create and rename databases (ALTER ROLE %s CREATEDB)", r.User, user))
	}
	for _, name := range slices.Sorted(slices.Values(names)) {
		right, there := r.Of[name]
		switch {
		case !there:
		case !right.Owns:
			missing = append(missing, fmt.Sprintf("%s does not have the rights of %s, who owns %s, so it may not rename it (GRANT %s TO %s)", r.User, right.Owner, name, shown(right.Owner), user))
		case !right.Gives:
			missing = append(missing, fmt.Sprintf("%s may not make a database for %s, who owns %s (GRANT %s TO %s WITH SET TRUE)", r.User, right.Owner, name, shown(right.Owner), user))
		}
	}
	return missing
}

// Cannot says which of the extensions that a dump makes the server does not have, and which only a superuser can install, where the user is
// none. A provider may let its users install more than PostgreSQL itself does: the second is not certain.
func (r Rights) Cannot(extensions []string) (absent, untrusted []string) {
	for _, e := range slices.Sorted(slices.Values(extensions)) {
		trusted, there := r.Extensions[e]
		switch {
		case !there:
			absent = append(absent, e)
		case !trusted && !r.Super:
			untrusted = append(untrusted, e)
		}
	}
	return absent, untrusted
}
