
# Where the bash-completion package is not installed, what is needed of it.
if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    __chaoscat_init_completion()
    {
        local line=${COMP_LINE:0:COMP_POINT}
        COMPREPLY=()
        IFS=$' \t' read -ra words <<<"$line" # readline also breaks words at = and :, the program does not
        [[ $line == *[[:space:]] ]] && words+=("")
        cword=$((${#words[@]} - 1))
        cur=${words[cword]}
        prev=${words[cword > 0 ? cword - 1 : 0]}
    }
fi
if ! declare -F _filedir >/dev/null 2>&1; then
    _filedir()
    {
        local name ending
        while IFS='' read -r name; do
            [[ -n $name ]] && COMPREPLY+=("$name")
        done < <(
            compgen -d -S / -- "$cur"
            [[ ${1-} == -d ]] || for ending in ${1//|/ }; do
                compgen -f -X "!*.$ending" -- "$cur"
            done
        )
    }
fi
