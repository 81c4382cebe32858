<?php

/**
 * That the PHP client runs on PHP 7.4, as far as its text tells: its syntax, read by php-parser, and the functions that it calls. What came later
 * stands in the tables below, after PHP's migration guides (https://www.php.net/manual/en/appendices.php).
 */

namespace Notifyd\Tests;

use PhpParser\Lexer;
use PhpParser\Node;
use PhpParser\NodeTraverser;
use PhpParser\NodeVisitorAbstract;
use PhpParser\ParserFactory;

require __DIR__ . '/harness.php';
require 'PhpParser/autoload.php';

const FUNCTIONS_8 = ['str_contains', 'str_starts_with', 'str_ends_with', 'fdiv', 'get_debug_type', 'get_resource_id', 'preg_last_error_msg',
    'array_is_list', 'fsync',
    'fdatasync', 'enum_exists', 'curl_upkeep', 'ini_parse_quantity', 'memory_reset_peak_usage', 'json_validate', 'str_increment', 'str_decrement',
        'mb_str_pad',
    'stream_context_set_options', 'array_find', 'array_find_key', 'array_any', 'array_all', 'array_first', 'array_last', 'mb_trim', 'mb_ltrim',
        'mb_rtrim', 'mb_ucfirst',
    'mb_lcfirst', 'fpow', 'request_parse_body', 'http_get_last_response_headers', 'http_clear_last_response_headers', 'get_error_handler',
        'get_exception_handler'];
const CLASSES_8 = ['stringable', 'weakmap', 'valueerror', 'unhandledmatcherror', 'attribute', 'curlhandle', 'curlmultihandle', 'phptoken',
    'unitenum', 'backedenum',
    'fiber', 'allowdynamicproperties', 'sensitiveparameter', 'override', 'deprecated'];
const TYPES_8 = ['mixed', 'static', 'never', 'false', 'true', 'null'];
const NODES_8 = [Node\UnionType::class, Node\IntersectionType::class, Node\Expr\Match_::class, Node\Expr\NullsafePropertyFetch::class,
    Node\Expr\NullsafeMethodCall::class, Node\Expr\Throw_::class, Node\AttributeGroup::class, Node\Stmt\Enum_::class,
        Node\VariadicPlaceholder::class];

/** Collects what PHP 7.4 would not take, each with its line. */
final class Later extends NodeVisitorAbstract
{
    public $found = [];

    public function enterNode(Node $node)
    {
        $what = in_array(get_class($node), NODES_8, true) ? get_class($node) : $this->ofDeclaration($node) ?? $this->ofUse($node);
        if ($what !== null) {
            $this->found[] = $node->getStartLine() . ': ' . $what;
        }
        return null;
    }

    private function ofDeclaration(Node $node): ?string
    {
        if ($node instanceof Node\Param && $node->flags !== 0) {
            return 'a promoted parameter';
        }
        if ($node instanceof Node\Stmt\Catch_ && $node->var === null) {
            return 'a catch without a variable';
        }
        if ($node instanceof Node\Stmt\Property && ($node->flags & Node\Stmt\Class_::MODIFIER_READONLY)) {
            return 'a readonly property';
        }
        if ($node instanceof Node\Stmt\ClassConst && ($node->flags & Node\Stmt\Class_::MODIFIER_FINAL)) {
            return 'a final constant';
        }
        foreach (['type', 'returnType'] as $part) {
            $type = $node->$part ?? null;
            $type = $type instanceof Node\NullableType ? $type->type : $type;
            if (($type instanceof Node\Identifier || $type instanceof Node\Name) && in_array($type->toLowerString(), TYPES_8, true)) {
                return 'the type ' . $type->toString();
            }
        }
        return null;
    }

    private function ofUse(Node $node): ?string
    {
        if ($node instanceof Node\Expr\FuncCall && $node->name instanceof Node\Name
            && in_array(strtolower($node->name->getLast()), FUNCTIONS_8, true)) {
            return 'the function ' . $node->name->toString();
        }
        if ($node instanceof Node\Name && in_array(strtolower($node->toString()), CLASSES_8, true)) {
            return 'the class ' . $node->toString();
        }
        if ($node instanceof Node\Arg && $node->name !== null) {
            return 'a named argument';
        }
        if ($node instanceof Node\Expr\ClassConstFetch && $node->class instanceof Node\Expr && $node->name instanceof Node\Identifier
            && $node->name->toString() === 'class') {
            return 'the class of an object as a constant';
        }
        return null;
    }
}

/** Commas at the end of a parameter list or a use list are no nodes: told by their tokens. */
function trailingCommas(string $text): array
{
    $found = [];
    if (preg_match_all('/\b(?:function|fn)\b[^(]*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*,\s*\)/', $text, $matches, PREG_OFFSET_CAPTURE)) {
        foreach ($matches[0] as [, $offset]) {
            $found[] = substr_count($text, "\n", 0, $offset) + 1 . ': a comma behind the last parameter';
        }
    }
    return $found;
}

function later(string $text): array
{
    $parser = (new ParserFactory())->create(ParserFactory::ONLY_PHP7, new Lexer\Emulative(['phpVersion' => '7.4']));
    $visitor = new Later();
    $traverser = new NodeTraverser();
    $traverser->addVisitor($visitor);
    $traverser->traverse($parser->parse($text));
    return array_merge($visitor->found, trailingCommas($text));
}

$only = $argv[1] ?? '';
$root = realpath(__DIR__ . '/../../../clients/php');
$cases = [];
foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator($root, \FilesystemIterator::SKIP_DOTS)) as $file) {
    if ($file->getExtension() === 'php') {
        $cases[substr($file->getPathname(), strlen($root) + 1)] = static function () use ($file): void {
            same(later(file_get_contents($file->getPathname())), [], 'what came after PHP 7.4');
        };
    }
}
$cases['the check sees what came later'] = static function (): void {
    foreach (['function f(int|string $a) {}', 'function f(): static {}', 'function f(mixed $a) {}', 'function f($a,) {}', '$a?->b;',
        '$f = fn() => throw new E();',
        'str_contains($a, $b);', 'f(a: 1);', 'class C { function __construct(private $a) {} }', 'try {} catch (E) {}',
            'class C implements Stringable {}', '$a = $b::class;',
        'f(...);', 'class C { public readonly int $a; }', '#[A] class C {}', 'match (1) { 1 => 2 };', 'enum E { case A; }'] as $text) {
        try {
            $found = later("<?php $text");
        } catch (\PhpParser\Error $error) {
            $found = [$error->getMessage()];  // a word that PHP 7.4 does not know
        }
        check($found !== [], $text);
    }
};
run($cases);
