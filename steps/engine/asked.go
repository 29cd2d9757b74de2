package engine

// Asked are the names of the questions that any step may put besides its own: an answers file calls them STEP.NAME.
func Asked() []string {
	return []string{"confirm", "remedy", "unknown", "by-hand", "undo", "undo-by-hand", "mend", "mend-by-hand", "tick", "held", "take-over"}
}
