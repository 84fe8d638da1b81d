"""What all command lines share: options, output, exit codes, errors, contexts, completion."""
